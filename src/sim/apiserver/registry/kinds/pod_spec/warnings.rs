//! What the server tells about a PodSpec without refusing it.
//! Source: `pkg/api/pod/warnings.go`.

use serde_json::Value;

use super::super::at::At;
use super::super::check;
use super::app_armor::{OLD, key};
use super::overlaps::overlaps;
use super::resources::quantity;
use crate::object::meta;
use crate::sim::apiserver::registry::names;

/// Annotations that do nothing any more.
const ANNOTATIONS: [(&str, &str); 3] = [
    (
        "scheduler.alpha.kubernetes.io/critical-pod",
        "non-functional in v1.16+; use the \"priorityClassName\" field instead",
    ),
    ("security.alpha.kubernetes.io/sysctls", "non-functional in v1.11+; use the \"sysctls\" field instead"),
    ("security.alpha.kubernetes.io/unsafe-sysctls", "non-functional in v1.11+; use the \"sysctls\" field instead"),
];

const VOLUMES: [(&str, &str); 9] = [
    ("photonPersistentDisk", "deprecated in v1.11, non-functional in v1.16+"),
    ("gitRepo", "deprecated in v1.11, and disabled by default in v1.33+"),
    ("scaleIO", "deprecated in v1.16, non-functional in v1.22+"),
    ("flocker", "deprecated in v1.22, non-functional in v1.25+"),
    ("storageos", "deprecated in v1.22, non-functional in v1.25+"),
    ("quobyte", "deprecated in v1.22, non-functional in v1.25+"),
    ("glusterfs", "deprecated in v1.25, non-functional in v1.26+"),
    ("cephfs", "deprecated in v1.28, non-functional in v1.31+"),
    ("rbd", "deprecated in v1.28, non-functional in v1.31+"),
];

const NODE_LABELS: [(&str, &str); 8] = [
    ("beta.kubernetes.io/arch", "deprecated since v1.14; use \"kubernetes.io/arch\" instead"),
    ("beta.kubernetes.io/os", "deprecated since v1.14; use \"kubernetes.io/os\" instead"),
    (
        "failure-domain.beta.kubernetes.io/region",
        "deprecated since v1.17; use \"topology.kubernetes.io/region\" instead",
    ),
    ("failure-domain.beta.kubernetes.io/zone", "deprecated since v1.17; use \"topology.kubernetes.io/zone\" instead"),
    ("beta.kubernetes.io/instance-type", "deprecated since v1.17; use \"node.kubernetes.io/instance-type\" instead"),
    ("app.kubernetes.io/created-by", "deprecated since v1.9"),
    ("scheduler.alpha.kubernetes.io/preferAvoidPods", "deprecated since v1.22; use Taints and Tolerations instead"),
    ("node-role.kubernetes.io/master", "use \"node-role.kubernetes.io/control-plane\" instead"),
];

const NULL_SELECTOR: &str = "a null labelSelector results in matching no pod";

/// What is told of a label of nodes that has another name now.
pub fn old_label(key: &str) -> Option<&'static str> {
    NODE_LABELS.iter().find(|(label, _)| *label == key).map(|(_, why)| *why)
}

/// What is told of a Pod.
pub fn pod(pod: &Value) -> Vec<String> {
    let root = At::root(pod);
    let mut told = hostname(pod, "this is used in the Pod's hostname");
    told.extend(template(root));
    told
}

/// What is told of a workload with a template: of the name its Pods get, and of the template.
pub fn workload(object: &Value) -> Vec<String> {
    let mut told = hostname(object, "this is used in Pod names and hostnames");
    let root = At::root(object);
    let spec = root.key("spec");
    let template = spec.key("template");
    told.extend(self::template(template));
    told.extend(app_armor(template));
    told
}

/// What is told of a Job's spec: of indexes too many to be counted, and of the template.
pub fn job(spec: At<'_, '_>) -> Vec<String> {
    let many = spec.key("completions").count() > 100_000 && spec.key("parallelism").count() > 10_000;
    let why = "In Indexed Jobs with a number of completions higher than 10^5 and a parallelism higher than 10^4, Kubernetes might not be able to track completedIndexes when a big number of indexes fail";
    let indexed = spec.key("completionMode").text() == "Indexed";
    let mut told: Vec<String> = (indexed && many).then(|| format!("{}: {why}", spec.path())).into_iter().collect();
    told.extend(template(spec.key("template")));
    told
}

/// What is told of a template's annotations that chose an AppArmor profile before there was a field for it.
fn app_armor(template: At<'_, '_>) -> Vec<String> {
    let (metadata, spec) = (template.key("metadata"), template.key("spec"));
    let (annotations, whole) = (metadata.key("annotations"), spec.key("securityContext"));
    let mut told = Vec::new();
    for list in ["initContainers", "containers"] {
        let containers = spec.key(list);
        for container in containers.items() {
            let own = container.key("securityContext");
            let key = key(container.value());
            let annotation = annotations.entry(&key);
            let said = own.key("appArmorProfile").is_set() || whole.key("appArmorProfile").is_set();
            if annotation.is_set() && !said {
                told.push(format!("{}: {OLD}", annotation.path()));
            }
        }
    }
    told
}

/// A name that is no DNS label makes a bad hostname.
pub fn hostname(object: &Value, what: &str) -> Vec<String> {
    let wrong = names::dns_label(meta::name(object));
    if wrong.is_empty() {
        return Vec::new();
    }
    let why = wrong.join(" ");
    vec![format!("metadata.name: {what}, which can result in surprising behavior; a DNS label is recommended: [{why}]")]
}

/// What is told of a template, or of a Pod as one.
pub fn template(template: At<'_, '_>) -> Vec<String> {
    let mut told = Vec::new();
    let spec = template.key("spec");
    node_labels(spec, &mut told);
    spread(spec, &mut told);
    let metadata = template.key("metadata");
    let annotations = metadata.key("annotations");
    for (key, why) in ANNOTATIONS {
        if annotations.entry(key).is_set() {
            told.push(format!("{}: {why}", annotations.entry(key).path()));
        }
    }
    volumes(spec.key("volumes"), &mut told);
    told.extend(overlaps(spec.key("volumes")));
    twice(spec.key("hostAliases"), "ip", &mut told);
    twice(spec.key("imagePullSecrets"), "name", &mut told);
    let secrets = spec.key("imagePullSecrets");
    for secret in secrets.items().filter(|secret| secret.key("name").is_empty()) {
        told.push(format!("{}: invalid empty name \"\"", secret.key("name").path()));
    }
    seccomp(spec, annotations, "seccomp.security.alpha.kubernetes.io/pod", &mut told);
    for list in ["initContainers", "containers"] {
        let containers = spec.key(list);
        for container in containers.items() {
            let name = format!("container.seccomp.security.alpha.kubernetes.io/{}", container.key("name").text());
            seccomp(container, annotations, &name, &mut told);
            self::container(container, &mut told);
        }
    }
    ports(spec, &mut told);
    if spec.key("terminationGracePeriodSeconds").count() < 0 {
        let field = spec.key("terminationGracePeriodSeconds").path();
        told.push(format!("{field}: must be >= 0; negative values are invalid and will be treated as 1"));
    }
    pod_affinity(spec.key("affinity"), &mut told);
    let dns = spec.key("dnsConfig");
    let (servers, aliases) = (dns.key("nameservers"), spec.key("hostAliases"));
    told.extend(servers.items().filter_map(check::odd_ip));
    told.extend(aliases.items().filter_map(|alias| check::odd_ip(alias.key("ip"))));
    told
}

fn node_labels(spec: At<'_, '_>, told: &mut Vec<String>) {
    for (key, label) in spec.key("nodeSelector").entries() {
        told.extend(old_label(key).map(|why| format!("{}: {why}", label.path())));
    }
    let affinity = spec.key("affinity");
    let nodes = affinity.key("nodeAffinity");
    let required = nodes.key("requiredDuringSchedulingIgnoredDuringExecution");
    let terms = required.key("nodeSelectorTerms");
    for term in terms.items() {
        self::term(term, told);
    }
    let preferred = nodes.key("preferredDuringSchedulingIgnoredDuringExecution");
    for preference in preferred.items() {
        term(preference.key("preference"), told);
    }
}

/// What is told of a term that chooses nodes.
pub fn term(term: At<'_, '_>, told: &mut Vec<String>) {
    let expressions = term.key("matchExpressions");
    for expression in expressions.items() {
        let key = expression.key("key");
        told.extend(old_label(key.text()).map(|why| format!("{}: {} is {why}", key.path(), key.text())));
    }
}

fn spread(spec: At<'_, '_>, told: &mut Vec<String>) {
    let constraints = spec.key("topologySpreadConstraints");
    for constraint in constraints.items() {
        let key = constraint.key("topologyKey");
        told.extend(old_label(key.text()).map(|why| format!("{}: {} is {why}", key.path(), key.text())));
        if !constraint.key("labelSelector").is_set() {
            told.push(format!("{}: {NULL_SELECTOR}", constraint.key("labelSelector").path()));
        }
    }
}

fn pod_affinity(affinity: At<'_, '_>, told: &mut Vec<String>) {
    for kind in ["podAffinity", "podAntiAffinity"] {
        let pods = affinity.key(kind);
        let required = pods.key("requiredDuringSchedulingIgnoredDuringExecution");
        for term in required.items().filter(|term| !term.key("labelSelector").is_set()) {
            told.push(format!("{}: {NULL_SELECTOR}", term.key("labelSelector").path()));
        }
        let preferred = pods.key("preferredDuringSchedulingIgnoredDuringExecution");
        for preference in preferred.items() {
            let term = preference.key("podAffinityTerm");
            if !term.key("labelSelector").is_set() {
                told.push(format!("{}: {NULL_SELECTOR}", term.key("labelSelector").path()));
            }
        }
    }
}

fn volumes(volumes: At<'_, '_>, told: &mut Vec<String>) {
    for volume in volumes.items() {
        for (kind, why) in VOLUMES {
            if volume.key(kind).is_set() {
                // Upstream names this one by its Go field.
                let kind = if kind == "storageos" { "storageOS" } else { kind };
                told.push(format!("{}: {why}", volume.key(kind).path()));
            }
        }
        let ephemeral = volume.key("ephemeral");
        let claim = ephemeral.key("volumeClaimTemplate");
        if claim.is_set() {
            told.extend(fractions(claim.key("spec").key("resources"), &["storage"]));
        }
    }
}

fn twice(list: At<'_, '_>, key: &str, told: &mut Vec<String>) {
    let mut seen: Vec<&str> = Vec::new();
    for item in list.items() {
        let found = item.key(key);
        if seen.contains(&found.text()) {
            told.push(format!("{}: duplicate {key} {:?}", found.path(), found.text()));
        }
        seen.push(found.text());
    }
}

fn seccomp(holder: At<'_, '_>, annotations: At<'_, '_>, key: &str, told: &mut Vec<String>) {
    let profile = meta::map(holder.value(), "/securityContext/seccompProfile");
    if profile.is_none() && annotations.entry(key).is_set() {
        let field = annotations.entry(key).path();
        told.push(format!("{field}: non-functional in v1.27+; use the \"seccompProfile\" field instead"));
    }
}

/// Bytes that are no whole number: `100m` of memory is a tenth of a byte.
pub fn fractions(resources: At<'_, '_>, kinds: &[&str]) -> Vec<String> {
    let mut told = Vec::new();
    for kind in kinds {
        for list in ["limits", "requests"] {
            let list = resources.key(list);
            let amount = list.entry(kind);
            if quantity(amount.value()).milli_value() % 1000 != 0 {
                let shown = quantity(amount.value()).to_string();
                told.push(format!("{}: fractional byte value {shown:?} is invalid, must be an integer", amount.path()));
            }
        }
    }
    told
}

fn container(container: At<'_, '_>, told: &mut Vec<String>) {
    told.extend(fractions(container.key("resources"), &["memory", "ephemeral-storage"]));
    let variables = container.key("env");
    let mut seen: Vec<&str> = Vec::new();
    for variable in variables.items() {
        let name = variable.key("name").text();
        let reference = format!("$({name})");
        let value = variable.key("value").text();
        let hides = variable.key("valueFrom").is_set() || value == reference || !value.contains(&reference);
        if seen.contains(&name) && hides {
            let field = variable.path();
            told.push(format!("{field}: hides previous definition of {name:?}, which may be dropped when using apply"));
        }
        seen.push(name);
    }
}

/// A port seen before, with its place.
struct Port {
    field: String,
    number: (i64, String),
    host: (i64, String),
}

fn ports(spec: At<'_, '_>, told: &mut Vec<String>) {
    let (mut all, mut names): (Vec<Port>, Vec<(String, String)>) = (Vec::new(), Vec::new());
    let mut of_names = Vec::new();
    for list in ["initContainers", "containers"] {
        let containers = spec.key(list);
        for container in containers.items() {
            let ports = container.key("ports");
            for port in ports.items() {
                let text = |key: &str| port.key(key).text().to_owned();
                let port = Port {
                    field: port.path(),
                    number: (port.key("containerPort").count(), text("protocol")),
                    host: (port.key("hostPort").count(), text("hostIP")),
                };
                for other in all.iter().filter(|other| other.number == port.number) {
                    told.extend(overlap(&port, other));
                }
                let name = text("name");
                match names.iter().find(|(known, _)| *known == name && !name.is_empty()) {
                    Some((_, other)) => of_names.push(format!(
                        "{}: duplicate port name {name:?} with {other}, services and probes that select ports by name will use {other}",
                        port.field
                    )),
                    None => names.push((name, port.field.clone())),
                }
                all.push(port);
            }
        }
    }
    told.extend(of_names);
}

fn overlap(port: &Port, other: &Port) -> Option<String> {
    let how = match () {
        () if port.host == other.host => "duplicate",
        () if port.host.0 == 0 || other.host.0 == 0 => "overlapping",
        () if port.host.0 == other.host.0 && port.host.1.is_empty() != other.host.1.is_empty() => {
            "dangerously ambiguous"
        }
        () => return None,
    };
    Some(format!("{}: {how} port definition with {}", port.field, other.field))
}
