//! Files of kubeadm's configuration: their documents, what is wrong with their fields, and how a configuration is written.
//! What the fields come to is `init`'s and `join`'s. Source: `cmd/kubeadm/app/util/{marshal.go,config/{common,initconfiguration,joinconfiguration}.go}`.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use serde::Serialize as _;
use serde_json::{Map, Value, json};

use super::Typed;
use super::registration::arguments;
use crate::object::meta;
use crate::object::schema;
use crate::sim::apiserver::decoding;
use crate::sim::nodes::startup::klog;

/// The newest version of kubeadm's own kinds.
pub const VERSION: &str = "kubeadm.k8s.io/v1beta4";

/// Versions nobody reads any more, and the last kubeadm that did.
const OLD: [(&str, &str); 5] = [
    ("kubeadm.k8s.io/v1alpha1", "v1.11"),
    ("kubeadm.k8s.io/v1alpha2", "v1.12"),
    ("kubeadm.k8s.io/v1alpha3", "v1.14"),
    ("kubeadm.k8s.io/v1beta1", "v1.15"),
    ("kubeadm.k8s.io/v1beta2", "v1.22"),
];

/// What a file is read for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum For {
    Init,
    Join,
}

/// How exact it is to be: fields nobody knows are told of, or end it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Exactness {
    Warns,
    Refuses,
}

/// A document as it stands in a file.
struct Document {
    version: String,
    kind: String,
    text: String,
}

impl Document {
    fn group(&self) -> &str {
        self.version.split_once('/').map_or("", |(group, _)| group)
    }

    /// As Go prints a GroupVersionKind with `%#v`.
    fn go(&self) -> String {
        let (group, version) = self.version.split_once('/').unwrap_or(("", &self.version));
        format!("schema.GroupVersionKind{{Group:{group:?}, Version:{version:?}, Kind:{:?}}}", self.kind)
    }
}

/// A file's text.
pub fn text(typed: &Typed, file: &str) -> Result<String, String> {
    let text = typed.root()?.text(&typed.call.path(file));
    text.map_err(|_| format!("unable to read config from {file:?} : open {file}: no such file or directory"))
}

/// The documents of a text, by kind.
fn split(text: &str) -> Result<Vec<Document>, String> {
    let mut all: Vec<Document> = Vec::new();
    let mut errors = Vec::new();
    let parts = text.split_inclusive('\n').fold(vec![String::new()], |mut parts: Vec<String>, line| {
        match (line.trim_end() == "---", parts.last_mut()) {
            (false, Some(part)) => part.push_str(line),
            _ => parts.push(String::new()),
        }
        parts
    });
    for part in parts.into_iter().filter(|part| !part.trim().is_empty()) {
        let tree = decoding::tree(part.as_bytes(), "application/yaml");
        let tree = tree.map_err(|why| {
            format!("could not interpret GroupVersionKind; unmarshal error: error converting YAML to JSON: {why}")
        })?;
        let (version, kind) = (meta::text(&tree, "/apiVersion").to_owned(), meta::text(&tree, "/kind").to_owned());
        if kind.is_empty() || !version.contains('/') {
            let shown = if version.contains('/') { version } else { format!("/{version}") };
            return Err(format!(
                "invalid configuration for GroupVersionKind {shown}, Kind={kind}: kind and apiVersion is mandatory information that must be specified"
            ));
        }
        if all.iter().any(|known| known.kind == kind) {
            errors.push(format!("invalid configuration: kind {kind:?} is specified twice in YAML file"));
            continue;
        }
        all.push(Document { version, kind, text: part });
    }
    all.sort_by(|one, other| (&one.version, &one.kind).cmp(&(&other.version, &other.kind)));
    aggregate(errors).map(|()| all)
}

/// Errors as Kubernetes puts them together: one by itself, more in brackets.
pub fn aggregate(errors: Vec<String>) -> Result<(), String> {
    match errors.as_slice() {
        [] => Ok(()),
        [one] => Err(one.clone()),
        all => Err(format!("[{}]", all.join(", "))),
    }
}

/// Writes a warning of kubeadm's own log.
pub fn warn(typed: &Typed, place: &str, text: &str) {
    typed.call.complain(klog('W', (typed.now(), std::process::id()), place, text));
}

/// Why a version is read no more.
fn supported(typed: &Typed, document: &Document, exactness: Exactness) -> Result<(), String> {
    let (version, kind) = (&document.version, &document.kind);
    if let Some((_, last)) = OLD.iter().find(|(old, _)| old == version) {
        return Err(format!(
            "your configuration file uses an old API spec: {version:?} (kind: {kind:?}). Please use kubeadm {last} instead and run 'kubeadm config migrate --old-config old-config-file --new-config new-config-file', which will write the new, similar spec using a newer API version."
        ));
    }
    if version == "kubeadm.k8s.io/v1beta3" && exactness == Exactness::Warns {
        warn(
            typed,
            "common.go:100",
            &format!(
                "your configuration file uses a deprecated API spec: {version:?} (kind: {kind:?}). Please use 'kubeadm config migrate --old-config old-config-file --new-config new-config-file', which will write the new, similar spec using a newer API version."
            ),
        );
    }
    Ok(())
}

impl Document {
    /// Its fields, as far as its kind has them, and what is wrong with them, if anything is.
    fn fields(&self) -> (Result<Value, String>, Option<String>) {
        let Some(of) = schema::configuration(&self.version, &self.kind) else {
            let unknown = format!("unknown configuration {}", self.go());
            return (Err(unknown.clone()), Some(unknown));
        };
        let fault = |why: &str| Some(format!("error unmarshaling configuration {}: {why}", self.go()));
        match decoding::document(&self.text, of) {
            Ok((value, strict)) => (Ok(value), strict.and_then(|strict| fault(&strict.to_string()))),
            Err(why) => (Err(why.clone()), fault(&why)),
        }
    }
}

/// Whether a document is looked at by who reads a file for this.
fn counts(document: &Document, what: For) -> bool {
    match what {
        For::Join => document.kind == "JoinConfiguration",
        For::Init => match document.group() {
            "kubeadm.k8s.io" => ["InitConfiguration", "ClusterConfiguration"].contains(&document.kind.as_str()),
            group => ["kubelet.config.k8s.io", "kubeproxy.config.k8s.io"].contains(&group),
        },
    }
}

/// The documents of a file that count, by their kinds; the rest is told of.
pub fn documents(
    typed: &Typed,
    text: &str,
    (what, exactness): (For, Exactness),
) -> Result<BTreeMap<String, Value>, String> {
    let all = split(text)?;
    let place = match what {
        For::Init => ("initconfiguration.go:332", "initconfiguration.go:361"),
        For::Join => ("joinconfiguration.go:124", "joinconfiguration.go:112"),
    };
    let mut found = BTreeMap::new();
    for document in all {
        let taken = counts(&document, what);
        if taken || what == For::Init {
            supported(typed, &document, exactness)?;
        }
        let (fields, fault) = document.fields();
        if let Some(why) = fault.filter(|_| taken || what == For::Init) {
            match exactness {
                Exactness::Warns => warn(typed, place.0, &why),
                Exactness::Refuses => return Err(why),
            }
        }
        if taken {
            found.insert(document.kind, fields?);
        } else {
            let (version, kind) = (&document.version, &document.kind);
            let what = format!(
                "[config] WARNING: Ignored configuration document with GroupVersionKind {version}, Kind={kind}"
            );
            warn(typed, place.1, &what);
        }
    }
    Ok(found)
}

/// The documents of a file for `kubeadm init`, of which one at least is for it.
pub fn of_init(typed: &Typed, text: &str, exactness: Exactness) -> Result<BTreeMap<String, Value>, String> {
    let found = documents(typed, text, (For::Init, exactness))?;
    match ["InitConfiguration", "ClusterConfiguration"].iter().any(|kind| found.contains_key(*kind)) {
        true => Ok(found),
        false => {
            Err("no InitConfiguration or ClusterConfiguration kind was found in the configuration file".to_owned())
        }
    }
}

/// How long kubeadm waits for what (`SetDefaultTimeouts`), as configurations show it.
pub fn timeouts() -> Value {
    json!({
        "controlPlaneComponentHealthCheck": "4m0s",
        "discovery": "5m0s",
        "etcdAPICall": "2m0s",
        "kubeletHealthCheck": "4m0s",
        "kubernetesAPICall": "1m0s",
        "tlsBootstrap": "5m0s",
        "upgradeManifests": "5m0s",
    })
}

/// The kinds that stand in a text; where it has to be exact, only such as anybody ever knew.
pub fn kinds(text: &str, exactness: Exactness) -> Result<Vec<String>, String> {
    let all = split(text)?;
    let is_old = |one: &Document| OLD.iter().any(|(old, _)| *old == one.version);
    let unknown: Vec<String> = all
        .iter()
        .filter(|one| !is_old(one) && schema::configuration(&one.version, &one.kind).is_none())
        .map(Document::go)
        .collect();
    if exactness == Exactness::Refuses && !unknown.is_empty() {
        return Err(format!("unknown configuration APIs: []schema.GroupVersionKind{{{}}}", unknown.join(", ")));
    }
    Ok(all.into_iter().map(|document| document.kind).collect())
}

/// Makes further flags of components, a map before v1beta4, the list they are since, and leaves out what has another place there.
/// Source: `cmd/kubeadm/app/apis/kubeadm/v1beta3/conversion.go`, convertToArgs.
pub fn convert_arguments(cluster: &mut Value) {
    for place in ["/apiServer", "/controllerManager", "/scheduler", "/etcd/local"] {
        let Some(part) = cluster.pointer_mut(place).and_then(Value::as_object_mut) else { continue };
        part.remove("timeoutForControlPlane");
        if part.get("extraArgs").is_some_and(Value::is_object) {
            let argument = |(name, value)| json!({ "name": name, "value": value });
            let all: Value = arguments(part.get("extraArgs")).into_iter().map(argument).collect();
            part.insert("extraArgs".to_owned(), all);
        }
    }
}

/// Puts `over` on `base`, map by map; nothing is changed where `over` says nothing.
pub fn merge(base: &mut Value, over: &Value) {
    match (base, over) {
        (Value::Object(base), Value::Object(over)) => {
            for (key, value) in over {
                merge(base.entry(key.clone()).or_insert(Value::Null), value);
            }
        }
        (_, Value::Null) => {}
        (base, over) => *base = over.clone(),
    }
}

/// The same tree with its keys in order, as sigs.k8s.io/yaml writes them.
pub fn sorted(tree: &Value) -> Value {
    match tree {
        Value::Object(map) => {
            let mut keys: Vec<&String> = map.keys().collect();
            keys.sort();
            Value::Object(keys.into_iter().map(|key| (key.clone(), sorted(&map[key]))).collect::<Map<_, _>>())
        }
        Value::Array(list) => Value::Array(list.iter().map(sorted).collect()),
        other => other.clone(),
    }
}

/// A tree as YAML, its keys in order.
pub fn yaml(tree: &Value) -> Result<String, String> {
    let text = serde_yaml::to_string(&sorted(tree)).map_err(|error| error.to_string())?;
    Ok(text.lines().map(|line| plain(line) + "\n").collect())
}

/// A line whose value is an address, which Go's writer does not quote.
fn plain(line: &str) -> String {
    match line.split_once('"').and_then(|(before, rest)| Some((before, rest.strip_suffix('"')?))) {
        Some((before, address)) if address.parse::<Ipv4Addr>().is_ok() => format!("{before}{address}"),
        _ => line.to_owned(),
    }
}

/// A tree as the printers of kubectl write JSON: four blanks deeper each time.
pub fn json(tree: &Value) -> Result<String, String> {
    let mut written = Vec::new();
    let form = serde_json::ser::PrettyFormatter::with_indent(b"    ");
    let mut to = serde_json::Serializer::with_formatter(&mut written, form);
    tree.serialize(&mut to).map_err(|error| error.to_string())?;
    String::from_utf8(written).map(|text| text + "\n").map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(text: &str) -> Document {
        split(text).unwrap().remove(0)
    }

    #[test]
    fn fields_nobody_knows_are_named_as_kubeadm_names_them() {
        let text = "apiVersion: kubeadm.k8s.io/v1beta4\nkind: ClusterConfiguration\nnetworking:\n  podSubnets: 10.9.0.0/16\n  dnsDomain: a\n";
        assert_eq!(
            one(text).fields().1.unwrap(),
            "error unmarshaling configuration schema.GroupVersionKind{Group:\"kubeadm.k8s.io\", Version:\"v1beta4\", Kind:\"ClusterConfiguration\"}: strict decoding error: unknown field \"networking.podSubnets\""
        );
        assert_eq!(one(text).fields().0.unwrap()["networking"], json!({ "dnsDomain": "a" }));
        let twice = "apiVersion: kubeadm.k8s.io/v1beta4\nkind: ClusterConfiguration\nclusterName: a\nclusterName: b\n";
        assert!(one(twice).fields().1.unwrap().ends_with(
            "strict decoding error: yaml: unmarshal errors:\n  line 4: key \"clusterName\" already set in map"
        ));
        let kubelet = "apiVersion: kubelet.config.k8s.io/v1beta1\nkind: KubeletConfiguration\ncgroupDrive: systemd\n";
        assert!(one(kubelet).fields().1.unwrap().ends_with("unknown field \"cgroupDrive\""));
        let other = "apiVersion: v1/x\nkind: Nothing\n";
        assert!(
            one(other).fields().1.unwrap().starts_with("unknown configuration schema.GroupVersionKind{Group:\"v1\"")
        );
    }

    #[test]
    fn a_file_is_put_on_the_defaults_and_written_in_order() {
        let mut cluster = json!({ "networking": { "serviceSubnet": "10.96.0.0/12", "dnsDomain": "cluster.local" } });
        merge(&mut cluster, &json!({ "networking": { "podSubnet": "10.9.0.0/16" }, "kind": "ClusterConfiguration" }));
        assert_eq!(cluster["networking"]["serviceSubnet"], "10.96.0.0/12");
        let keys: Vec<String> = sorted(&cluster)["networking"].as_object().unwrap().keys().cloned().collect();
        assert_eq!(keys, ["dnsDomain", "podSubnet", "serviceSubnet"]);
        assert_eq!(yaml(&json!({ "b": ["10.96.0.10"], "a": "1.35" })).unwrap(), "a: \"1.35\"\nb:\n- 10.96.0.10\n");
    }

    #[test]
    fn a_kind_stands_once_in_a_file() {
        let text = "apiVersion: kubeadm.k8s.io/v1beta4\nkind: InitConfiguration\n";
        assert_eq!(
            split(&format!("{text}---\n{text}")).err().unwrap(),
            "invalid configuration: kind \"InitConfiguration\" is specified twice in YAML file"
        );
        assert!(
            split("kind: InitConfiguration\n")
                .err()
                .unwrap()
                .starts_with("invalid configuration for GroupVersionKind /, Kind=InitConfiguration: ")
        );
    }
}
