//! The images on each node: those it came with and those that were pulled, until somebody takes them away. They are kept beside its machine.
//! How they are pulled is `pull.rs`'s; crictl lists them, and Nodes tell of them. Source: `pkg/kubelet/nodestatus/setters.go`, Images.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Mutex, PoisonError};

use serde_json::{Value, json};

use super::container::hash;
use super::images::{self, Image};
use super::runtime::Runtime;
use crate::object::meta;
use crate::object::selector::FieldSelector;
use crate::sim::apiserver::client::Client;
use crate::sim::apiserver::registry::kinds::pod::POD;
use crate::sim::machine::Machine;

/// The image of sandboxes, which every node has.
const PAUSE: &str = "registry.k8s.io/pause:3.10.1";
/// So many images a Node tells of (`nodeStatusMaxImages`), the largest.
const MOST: usize = 50;

/// Images by node, as whole references, where there is no machine to keep them.
#[derive(Default)]
pub struct Present(Mutex<HashMap<String, BTreeSet<String>>>);

impl Runtime {
    /// The images on a node, by their whole references.
    pub fn images(&self, client: &Client, node: &str) -> BTreeSet<String> {
        self.change_images(client, node, |_| false)
    }

    /// Changes which images are on a node; `change` tells whether it did. Gives back those that are there then.
    pub fn change_images(
        &self,
        client: &Client,
        node: &str,
        change: impl FnOnce(&mut BTreeSet<String>) -> bool,
    ) -> BTreeSet<String> {
        let mut without = self.present.0.lock().unwrap_or_else(PoisonError::into_inner);
        let machine = self.machines().and_then(|machines| machines.get(node));
        let kept = machine.as_ref().map_or_else(|| without.get(node).cloned(), |machine| read(machine));
        let fresh = kept.is_none();
        let mut all = kept.unwrap_or_else(|| in_use(client, node));
        if change(&mut all) || fresh {
            match &machine {
                Some(machine) => write(machine, &all),
                None => drop(without.insert(node.to_owned(), all.clone())),
            }
        }
        all
    }
}

fn read(machine: &Machine) -> Option<BTreeSet<String>> {
    serde_json::from_slice(&std::fs::read(machine.folder().join("images.json")).ok()?).ok()
}

fn write(machine: &Machine, images: &BTreeSet<String>) {
    let text = serde_json::to_vec(images).unwrap_or_default();
    let written = crate::base::files::private_dir(machine.folder())
        .and_then(|()| crate::base::files::write_whole(&machine.folder().join("images.json"), &text, 0o600));
    if let Err(error) = written {
        // They are pulled once more then.
        tracing::warn!(node = machine.name, %error, "the images on a node are not kept");
    }
}

/// What a node has that nobody has looked at yet: the images of the containers on it, and that of sandboxes.
fn in_use(client: &Client, node: &str) -> BTreeSet<String> {
    let here = FieldSelector::parse(&format!("spec.nodeName={node}"));
    let pods = here.map(|here| client.where_fields(&POD, "", &here)).unwrap_or_default();
    let of = |pod: &Value| -> Vec<String> {
        let lists = ["/status/initContainerStatuses", "/status/containerStatuses"];
        let statuses = lists.iter().flat_map(|list| meta::list(pod, list));
        let begun = statuses.filter(|status| !meta::text(status, "/containerID").is_empty());
        begun.map(|status| images::canonical(meta::text(status, "/image"))).collect()
    };
    pods.iter().flat_map(|pod| of(pod)).chain([PAUSE.to_owned()]).collect()
}

/// The id of an image: the hash of its configuration.
pub fn id(reference: &str) -> String {
    hash(&[&images::canonical(reference), "config"])
}

/// Images as a Node tells of them.
pub(super) fn told(all: &BTreeSet<String>) -> Value {
    let mut known: Vec<(u64, String, &str, &Image)> = all
        .iter()
        .filter_map(|reference| {
            let image = images::resolve(reference).ok()?;
            Some((image.size(), id(reference), reference.as_str(), image))
        })
        .collect();
    known.sort_by(|one, other| (other.0, &other.1).cmp(&(one.0, &one.1)));
    known.truncate(MOST);
    let one = |(size, _, reference, image): (u64, String, &str, &Image)| json!({ "names": [image.id(reference), reference], "sizeBytes": size });
    known.into_iter().map(one).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_largest_come_first_and_not_all_of_them() {
        let of = |references: &[&str]| told(&references.iter().map(|one| images::canonical(one)).collect());
        let few = of(&["busybox:1.36", "nginx:1.27", "registry.k8s.io/pause:3.10.1"]);
        let names: Vec<&str> = few.as_array().unwrap().iter().map(|one| meta::text(one, "/names/1")).collect();
        assert_eq!(
            names,
            ["docker.io/library/nginx:1.27", "docker.io/library/busybox:1.36", "registry.k8s.io/pause:3.10.1"]
        );
        assert!(meta::text(&few[0], "/names/0").starts_with("docker.io/library/nginx@sha256:"));
        assert_eq!(few[2]["sizeBytes"], 268_000);
        let many: BTreeSet<String> = (0..60).map(|minor| format!("docker.io/library/golang:1.{minor}")).collect();
        assert_eq!(told(&many).as_array().unwrap().len(), 50);
    }
}
