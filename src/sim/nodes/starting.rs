//! What a container is started with: image, words, variables, files, user.
//! When it is started is `container.rs`; what runs then, `process/`. Source: `pkg/kubelet/kuberuntime/kuberuntime_container.go`.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;
use serde_json::Value;

use super::accounts::Account;
use super::images::Image;
use super::kubelet::Sync;
use super::process::container::Start;
use super::process::files::{FileError, Files};
use super::process::processes::Sight;
use super::process::tree::{Entry, Tree};
use super::runtime::Runtime;
use super::volumes::{Environment, expanded};
use super::{accounts, cgroup, components, message, mounts, proc, resize, sysctls, volumes};
use crate::object::meta;
use crate::object::quantity::Quantity;
use crate::sim::network::{Network, Resolver, Sockets as _, View, hostname, kernel_name};

const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// What a container of a Pod is started with.
pub fn start(runtime: &Arc<Runtime>, sync: &Sync, container: &Value, image: &'static Image) -> Start {
    let given = volumes::environment(runtime, sync, container).unwrap_or_default();
    let texts = |pointer: &str| meta::list(container, pointer).iter().filter_map(Value::as_str);
    let words = |pointer: &str| texts(pointer).map(|word| expanded(word, &given)).collect::<Vec<_>>();
    let setting = |name: &str| {
        let own = container.pointer(&format!("/securityContext/{name}"));
        own.or_else(|| sync.pod.pointer(&format!("/spec/securityContext/{name}")))
    };
    let number = |name: &str| setting(name).and_then(Value::as_i64);
    let account = accounts::of(image, (number("runAsUser"), number("runAsGroup")), sync.pod);
    let (user, group) = (account.user, account.group);
    let read_only = setting("readOnlyRootFilesystem").and_then(Value::as_bool).unwrap_or_default();
    let root = match (read_only, user) {
        (true, _) => Err(FileError::ReadOnly),
        (false, 0) => Ok(()),
        (false, user) if user == i64::from(image.user) => Ok(()),
        _ => Err(FileError::Denied),
    };
    let (own, hostname) = names(runtime, sync);
    let address = meta::text(&sync.status, "/podIP").to_owned();
    let mut mounted = mounts::of(runtime, sync, container, &given);
    mounted.extend(message::mount(container));
    mounted.extend([cgroup::mount(sync, container), sysctls::mount(runtime, sync)]);
    let working = meta::text(container, "/workingDir");
    let folder = if working.is_empty() { &image.folder } else { working };
    let resolver = Resolver::of(sync.pod, (&address, &own), &runtime.cluster_dns(sync.node()));
    let (command, args) = (words("/command"), words("/args"));
    let bounding = capabilities(container);
    let variables = variables(given.clone(), &hostname, &account.home);
    let mut layer = layer(image, (&hostname, &hosts(runtime, sync, &resolver)), &resolver, folder);
    let (client, now, all) = (&sync.context.client, sync.now, image.words(&command, &args));
    layer.extend(first(sync, container, (&all, &variables), &account, &bounding));
    let files = Files::new(layer, mounted, root).of_user(user, group, &account.groups);
    let of = (sync.pod, container);
    let script = components::Starting { runtime, client, of, words: &all, files: Some(&files), now }.script();
    Start {
        script,
        image,
        reference: meta::text(container, "/image").to_owned(),
        command,
        args,
        variable_order: order(container, &given),
        variables,
        folder: folder.to_owned(),
        files,
        hostname,
        memory: memory(sync.pod, container),
        user,
        group,
        groups: account.groups,
        // Who is not root has none, whatever is added.
        capabilities: if user == 0 { bounding } else { Vec::new() },
        escalates: escalates(container),
        stdin: meta::truth(container, "/stdin"),
        stdin_once: meta::truth(container, "/stdinOnce"),
        tty: meta::truth(container, "/tty"),
        network: View::of_pod(network(runtime, sync), sync.pod, (&address, resolver)),
        address,
        sight: sight(sync, container),
    }
}

/// Bytes of memory that a container may have.
fn memory(pod: &Value, container: &Value) -> Option<i64> {
    let limited = resize::limited(pod, &container["resources"]);
    limited.pointer("/limits/memory").and_then(|memory| Quantity::of(memory).ok()).map(Quantity::value)
}

/// Whether a container's processes may come to have more rights than it was started with.
fn escalates(container: &Value) -> bool {
    container.pointer("/securityContext/allowPrivilegeEscalation") != Some(&Value::Bool(false))
}

/// What is told of a container's first process, where it is the first it sees.
fn first(
    sync: &Sync,
    container: &Value,
    (words, variables): (&[String], &BTreeMap<String, String>),
    account: &Account,
    bounding: &[String],
) -> Vec<(String, Entry)> {
    if sight(sync, container) != Sight::Own {
        return Vec::new();
    }
    let profiles = [container, &sync.pod["spec"]].map(|holder| holder.pointer("/securityContext/seccompProfile/type"));
    let filters = profiles.into_iter().flatten().next().is_some_and(|kind| kind != "Unconfined");
    let (ids, rights) = ((account.user, account.group), (bounding, escalates(container), filters));
    proc::First { words, variables, ids, groups: &account.groups, rights }.files()
}

/// Which processes it sees: an ephemeral container that names a target those of the target, too.
fn sight(sync: &Sync, container: &Value) -> Sight {
    if sync.pod.pointer("/spec/shareProcessNamespace") == Some(&Value::Bool(true)) {
        return Sight::Pod;
    }
    let target = meta::text(container, "/targetContainerName");
    let mut statuses = meta::list(&sync.status, "/containerStatuses").iter();
    let of = statuses.find(|status| !target.is_empty() && status["name"] == target);
    of.map_or(Sight::Own, |status| Sight::Of(meta::text(status, "/containerID").to_owned()))
}

/// The cluster's network. What listens in it is kept alive by the kubelets alone.
pub fn network(runtime: &Arc<Runtime>, sync: &Sync) -> Arc<Network> {
    let runtime = Arc::downgrade(runtime);
    Arc::new(Network::new(sync.context.client.clone(), runtime))
}

/// Which of the kernel's rights a container's processes may come to have. One that is spelt with `CAP_` is not known to the runtime.
fn capabilities(container: &Value) -> Vec<String> {
    let named = |list: &str| {
        let words = meta::list(container, &format!("/securityContext/capabilities/{list}")).iter();
        words.filter_map(Value::as_str).map(str::to_uppercase).collect::<Vec<_>>()
    };
    let (added, dropped) = (named("add"), named("drop"));
    let has = |list: &[String], name: &str| list.iter().any(|known| known == name);
    let is_given = |name: &str| {
        let usual = proc::is_usual(name) && !has(&dropped, "ALL");
        let asked = has(&added, name) || has(&added, "ALL") || usual;
        meta::truth(container, "/securityContext/privileged") || asked && !has(&dropped, name)
    };
    proc::CAPABILITIES.iter().filter(|name| is_given(name)).map(|name| (*name).to_owned()).collect()
}

/// What a Pod calls itself, and what its kernel does: on its node's network both are the node's name.
fn names(runtime: &Runtime, sync: &Sync) -> (String, String) {
    if meta::truth(sync.pod, "/spec/hostNetwork") {
        return (sync.node().to_owned(), sync.node().to_owned());
    }
    let own = hostname(sync.pod);
    // Where there is no such name nothing starts.
    let kernel = kernel_name(sync.pod, &runtime.cluster_dns(sync.node())).unwrap_or_else(|_| own.clone());
    (own, kernel)
}

fn variables(given: Environment, hostname: &str, home: &str) -> BTreeMap<String, String> {
    let mut all = BTreeMap::from([
        ("PATH".to_owned(), PATH.to_owned()),
        ("HOSTNAME".to_owned(), hostname.to_owned()),
        ("HOME".to_owned(), home.to_owned()),
    ]);
    all.extend(given);
    all
}

/// The order of the variables: the image's, those of ConfigMaps and Secrets, the container's own, those of Services, and the home.
fn order(container: &Value, given: &Environment) -> Vec<String> {
    let own: Vec<&str> = meta::list(container, "/env").iter().map(|variable| meta::text(variable, "/name")).collect();
    let of_service = |name: &&str| name.contains("_SERVICE_") || name.contains("_PORT");
    let others: Vec<&str> = given.keys().map(String::as_str).filter(|name| !own.contains(name)).collect();
    let (services, sources): (Vec<&str>, Vec<&str>) = others.into_iter().partition(|name| of_service(name));
    let names = ["PATH", "HOSTNAME"].into_iter().chain(sources).chain(own).chain(services).chain(["HOME"]);
    names.map(str::to_owned).collect()
}

/// The folders every image has.
const FOLDERS: &str = "bin dev/shm etc home lib media mnt opt proc root run sbin srv sys tmp usr/bin usr/local/bin usr/share \
    var/cache var/lib var/log var/run var/tmp var/spool";

/// The text of `/etc/hosts`: on a node's network the node's own, under another heading (`pkg/kubelet/kubelet_pods.go`, nodeHostsFileContent).
fn hosts(runtime: &Runtime, sync: &Sync, resolver: &Resolver) -> String {
    let text = resolver.hosts_file();
    let own = mounts::of_node(runtime, sync.node(), "/etc/hosts");
    let Some(own) = own.filter(|_| meta::truth(sync.pod, "/spec/hostNetwork")) else { return text };
    let aliases = text.find("\n# Entries added by HostAliases.").map_or("", |at| &text[at..]);
    format!("# Kubernetes-managed hosts file (host network).\n{}{aliases}", String::from_utf8_lossy(&own))
}

/// The files an image brings, with those the runtime adds.
fn layer(image: &Image, (hostname, hosts): (&str, &str), resolver: &Resolver, folder: &str) -> Tree {
    let mut tree = Tree::new();
    let changed = Timestamp::UNIX_EPOCH;
    let mut make = |path: &str, bytes: Option<String>| {
        let path = path.trim_start_matches('/');
        for (at, _) in path.match_indices('/') {
            tree.entry(path[..at].to_owned()).or_insert_with(|| Entry::folder(changed));
        }
        let entry = bytes.map_or_else(|| Entry::folder(changed), |text| Entry::file(text, changed));
        tree.entry(path.to_owned()).or_insert(entry);
    };
    for path in FOLDERS.split_whitespace() {
        make(path, None);
    }
    if folder != "/" {
        make(folder, None);
    }
    make("etc/hostname", Some(format!("{hostname}\n")));
    make("etc/hosts", Some(hosts.to_owned()));
    make("etc/resolv.conf", Some(resolver.file()));
    make("etc/passwd", Some(accounts::users(image).to_owned()));
    make("etc/group", Some(accounts::groups(image).to_owned()));
    let system = if image.is_busybox() {
        "NAME=\"Alpine Linux\"\nID=alpine\n"
    } else {
        "NAME=\"Debian GNU/Linux\"\nID=debian\n"
    };
    make("etc/os-release", Some(system.to_owned()));
    for (path, text) in &image.files {
        make(path, Some(text.clone()));
    }
    for write in &image.writes {
        make(&write.path, None);
    }
    if let Some(root) = &image.root {
        make(root, None);
    }
    tree
}
