//! Priority: the number behind a Pod's PriorityClass, and only one default class.
//! Who makes room for whom is the scheduler's. Source: `plugin/pkg/admission/priority/admission.go`.

use serde_json::{Value, json};

use super::{Attributes, Operation, Plugin};
use crate::object::meta;
use crate::sim::apiserver::status::Result;
use crate::sim::apiserver::storage::Object;

pub const PLUGIN: Plugin = Plugin { name: "Priority", mutate, validate };

const CLASSES: &str = "priorityclasses.scheduling.k8s.io";

fn mutate(attributes: &Attributes, pod: &mut Value) -> Result<()> {
    if !attributes.is("", "pods") {
        return Ok(());
    }
    match (attributes.operation, attributes.old) {
        (Operation::Create, _) => resolve(attributes, pod),
        (_, Some(old)) => {
            for key in ["priority", "preemptionPolicy"] {
                if let Some(kept) = old["spec"].get(key) {
                    meta::set_default(meta::child(pod, "spec"), key, kept.clone());
                }
            }
            Ok(())
        }
        _ => Ok(()),
    }
}

fn resolve(attributes: &Attributes, pod: &mut Value) -> Result<()> {
    let name = meta::text(pod, "/spec/priorityClassName").to_owned();
    let class = if name.is_empty() { default_class(attributes) } else { attributes.storage.get(CLASSES, "", &name) };
    if class.is_none() && !name.is_empty() {
        return Err(attributes.forbidden_early(pod, &format!("no PriorityClass with name {name} was found")));
    }
    let class = class.as_deref().unwrap_or(&Value::Null);
    let priority = meta::number(class, "/value").unwrap_or_default();
    let policy = match meta::text(class, "/preemptionPolicy") {
        "" => "PreemptLowerPriority",
        policy => policy,
    };
    if let Some(given) = meta::number(pod, "/spec/priority").filter(|given| *given != priority) {
        return Err(attributes.forbidden_early(pod, &format!(
            "the integer value of priority ({given}) must not be provided in pod spec; priority admission controller computed {priority} from the given PriorityClass name"
        )));
    }
    let given = meta::text(pod, "/spec/preemptionPolicy");
    if !given.is_empty() && given != policy {
        return Err(attributes.forbidden_early(pod, &format!(
            "the string value of PreemptionPolicy ({given}) must not be provided in pod spec; priority admission controller computed {policy} from the given PriorityClass name"
        )));
    }
    let spec = meta::child(pod, "spec");
    if !meta::name(class).is_empty() {
        spec["priorityClassName"] = json!(meta::name(class));
    }
    spec["priority"] = json!(priority);
    spec["preemptionPolicy"] = json!(policy);
    Ok(())
}

/// The default class; the lowest, should there be several.
fn default_class(attributes: &Attributes) -> Option<Object> {
    let (classes, _) = attributes.storage.list(CLASSES, None);
    let default = classes.into_iter().filter(|class| meta::truth(class, "/globalDefault"));
    default.min_by_key(|class| meta::number(class, "/value"))
}

/// The classes Kubernetes' own Pods need (`pkg/apis/scheduling/helpers.go`, SystemPriorityClasses).
const OF_THE_SYSTEM: [&str; 2] = ["system-node-critical", "system-cluster-critical"];

fn validate(attributes: &Attributes, class: &Value) -> Result<()> {
    if attributes.operation == Operation::Delete
        && attributes.is("scheduling.k8s.io", "priorityclasses")
        && OF_THE_SYSTEM.contains(&attributes.name)
    {
        // The registry's word upstream (`pkg/registry/scheduling/priorityclass/storage/storage.go`).
        return Err(attributes.forbidden(class, "this is a system priority class and cannot be deleted"));
    }
    let writes = matches!(attributes.operation, Operation::Create | Operation::Update);
    if !writes || !attributes.is("scheduling.k8s.io", "priorityclasses") || !meta::truth(class, "/globalDefault") {
        return Ok(());
    }
    match default_class(attributes).filter(|default| meta::name(default) != meta::name(class)) {
        Some(default) => {
            let name = meta::name(&default);
            let why = format!("PriorityClass {name} is already marked as default. Only one default can exist");
            Err(attributes.forbidden(class, &why))
        }
        None => Ok(()),
    }
}
