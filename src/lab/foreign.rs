//! Labs on clusters that are not ours: what is made there is labelled, remembered, and taken away again; nothing else is touched.
//! Clusters of our own go back to a checkpoint instead.

use std::path::PathBuf;

use futures::future::join_all;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{Lab, LabError, claims, nodes, steps, traces};
use crate::base::files;
use crate::cluster::{PatchForm, Selection};
use crate::object::meta;
use crate::scenario::check::CheckKind;
use crate::scenario::query::Which;
use crate::scenario::step::Step;
use crate::scenario::variant::Variant;

/// The label on everything a lab makes on a foreign cluster.
pub const LABEL: &str = "kubedrill.io/lab";

/// Kind and name of an object that is the lab's.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mark {
    api_version: String,
    pub kind: String,
    pub namespace: Option<String>,
    pub name: String,
}

impl Mark {
    fn selection(&self) -> Selection {
        Selection::named(&self.api_version, &self.kind, self.namespace.as_deref(), &self.name)
    }

    /// The mark of one object.
    pub fn of(selection: &Selection) -> Option<Self> {
        Some(Self {
            api_version: selection.api_version.clone(),
            kind: selection.kind.clone(),
            namespace: selection.namespace.clone(),
            name: selection.name.clone()?,
        })
    }
}

/// What will be taken away: the objects that setup makes and those the task asks the learner to make. None of them was there before.
#[derive(Debug, Serialize, Deserialize)]
pub struct Footprint {
    marks: Vec<Mark>,
    /// How the nodes were, where the task is about them.
    #[serde(default)]
    nodes: Vec<nodes::Before>,
}

fn path(lab: &Lab) -> PathBuf {
    lab.dir.join("footprint.json")
}

/// Labels an object as the lab's.
pub fn mark(lab: &Lab, object: &mut Value) {
    meta::set_label(object, LABEL, &format!("{}-{}", lab.variant.scenario, lab.variant.seed.0));
}

/// The objects that setup applies.
fn applied(variant: &Variant) -> Vec<Mark> {
    let objects = variant.setup.iter().flat_map(|step| match step {
        Step::Apply(apply) => apply.objects.iter().map(Selection::of).collect(),
        _ => Vec::new(),
    });
    objects.filter_map(|selection| Mark::of(&selection)).collect()
}

/// The objects that setup applies, then those that checks name.
pub fn planned(variant: &Variant) -> Vec<Mark> {
    let asked = variant.checks.iter().flat_map(|check| match &check.kind {
        CheckKind::Object(object) => vec![&object.0.target].into_iter().map(selection).collect(),
        CheckKind::Cel(cel) => cel
            .objects
            .values()
            .filter_map(|query| match &query.which {
                Which::Name(name) => {
                    Some(Selection::named(&query.api_version, &query.kind, query.namespace.as_deref(), name))
                }
                Which::Labels(_) => None,
            })
            .collect(),
        _ => Vec::new(),
    });
    let mut marks: Vec<Mark> = Vec::new();
    for mark in applied(variant).into_iter().chain(asked.filter_map(|selection| Mark::of(&selection))) {
        if !marks.contains(&mark) {
            marks.push(mark);
        }
    }
    marks
}

fn selection(target: &crate::scenario::query::Target) -> Selection {
    Selection::named(&target.api_version, &target.kind, target.namespace.as_deref(), &target.name)
}

impl Footprint {
    /// Looks at a cluster before a lab is laid on it. Leftovers of an earlier lab are taken away; what is somebody else's stops the lab.
    pub async fn before(lab: &Lab) -> Result<Self, LabError> {
        let applied = applied(&lab.variant);
        let (mut marks, mut left) = (Vec::new(), Vec::new());
        for mark in planned(&lab.variant) {
            let what = format!("looking for {} {}", mark.kind, mark.name);
            let found = match lab.objects.get(&mark.selection()).await {
                Err(error) if error.is_not_found() => None,
                found => found.map_err(|source| LabError::Ask { what, source })?,
            };
            match found {
                None => marks.push(mark),
                Some(found) if meta::label(&found, LABEL).is_some() => {
                    left.push(mark.clone());
                    marks.push(mark);
                }
                // What was there and is only looked at stays; what would be overwritten stops the lab.
                Some(_) if applied.contains(&mark) => {
                    return Err(LabError::Foreign(format!(
                        "{} {} is on the cluster already and is not Kubedrill's; nothing was changed",
                        mark.kind, mark.name
                    )));
                }
                Some(_) => {}
            }
        }
        take_away(lab, &left).await?;
        let nodes = if claims::touches_nodes(&lab.variant) { nodes::look(lab).await? } else { Vec::new() };
        let footprint = Self { marks, nodes };
        let text = serde_json::to_vec(&footprint).unwrap_or_default();
        files::write_atomic(&path(lab), &text, 0o600).map_err(|source| LabError::File { path: path(lab), source })?;
        Ok(footprint)
    }

    /// The footprint of a lab that was laid before.
    pub fn load(lab: &Lab) -> Result<Self, LabError> {
        let failed = |source| LabError::File { path: path(lab), source };
        let bytes = std::fs::read(path(lab)).map_err(failed)?;
        serde_json::from_slice(&bytes).map_err(|error| failed(error.into()))
    }

    /// Takes everything away, and brings the nodes back to how they were.
    pub async fn erase(&self, lab: &Lab) -> Result<(), LabError> {
        let mut marks = self.marks.clone();
        marks.extend(traces::kept(lab).into_iter().filter(|mark| !self.marks.contains(mark)));
        take_away(lab, &marks).await?;
        nodes::restore(lab, &self.nodes).await?;
        traces::forget(lab);
        Ok(())
    }
}

/// Deletes all of them at once and waits until they are gone: a real cluster takes its seconds for a namespace, however many go with
/// it. What lies in a namespace that goes needs no word of its own.
async fn take_away(lab: &Lab, marks: &[Mark]) -> Result<(), LabError> {
    let goes = |name: &str| marks.iter().any(|mark| mark.kind == "Namespace" && mark.name == name);
    for done in join_all(marks.iter().filter(|mark| mark.kind != "Namespace").map(|mark| let_go(lab, mark))).await {
        done?;
    }
    let named = marks.iter().filter(|mark| !mark.namespace.as_deref().is_some_and(goes));
    let done = named.map(async |mark| match steps::delete_and_wait(lab, &mark.selection()).await {
        Err(LabError::Ask { source, .. }) if source.is_not_found() => Ok(()),
        done => done,
    });
    join_all(done).await.into_iter().collect()
}

/// Takes the finalizers off an object of the lab's that only a task put there: nobody else would, and its namespace would never go.
async fn let_go(lab: &Lab, mark: &Mark) -> Result<(), LabError> {
    let failed = |source| LabError::Ask { what: format!("letting {} {} go", mark.kind, mark.name), source };
    let found = match lab.objects.get(&mark.selection()).await {
        Err(error) if error.is_not_found() => None,
        found => found.map_err(failed)?,
    };
    let own = |finalizer: &Value| {
        !finalizer.as_str().is_some_and(|name| name.contains("kubernetes.io/") || !name.contains('/'))
    };
    if found.is_some_and(|object| meta::list(&object, "/metadata/finalizers").iter().any(own)) {
        let change = json!({ "metadata": { "finalizers": null } });
        match lab.objects.patch(&mark.selection(), PatchForm::Merge, &change).await {
            Err(error) if error.is_not_found() => {}
            done => drop(done.map_err(failed)?),
        }
    }
    Ok(())
}
