//! resourcequota-controller: writes into every quota's status how much of it is used.
//! What an object uses, and who is refused, is admission's. Source: `pkg/controller/resourcequota`.

use std::time::Duration;

use serde_json::json;

use super::Controller;
use crate::object::meta;
use crate::sim::apiserver::admission::resource_quota::usage;
use crate::sim::apiserver::registry::Resource;
use crate::sim::apiserver::registry::kinds as k;
use crate::sim::apiserver::registry::kinds::resourcequota::RESOURCEQUOTA;
use crate::sim::apiserver::status::Result;
use crate::sim::apiserver::storage::Object;
use crate::sim::reconciler::{Context, Key, Next, Watched, key, own};

/// How often everything is counted again (`--resource-quota-sync-period`).
const PERIOD: Duration = Duration::from_secs(300);

const fn counted(resource: &'static Resource) -> Watched {
    Watched { resource, keys: quotas_of }
}

/// How often a quota is counted that is about kinds which are not watched, custom resources among them: in a real cluster whoever makes
/// one has it counted at once.
const GLANCE: Duration = Duration::from_secs(1);

/// The controller; its keys are quotas.
pub static RESOURCE_QUOTA_CONTROLLER: Controller = Controller {
    name: "resourcequota-controller",
    watches: &[
        Watched { resource: &RESOURCEQUOTA, keys: own },
        counted(&k::pod::POD),
        counted(&k::service::SERVICE),
        counted(&k::persistentvolumeclaim::PERSISTENTVOLUMECLAIM),
        counted(&k::configmap::CONFIGMAP),
        counted(&k::secret::SECRET),
        counted(&k::serviceaccount::SERVICEACCOUNT),
        counted(&k::replicationcontroller::REPLICATIONCONTROLLER),
        counted(&k::deployment::DEPLOYMENT),
        counted(&k::replicaset::REPLICASET),
        counted(&k::statefulset::STATEFULSET),
        counted(&k::daemonset::DAEMONSET),
        counted(&k::job::JOB),
        counted(&k::cronjob::CRONJOB),
        counted(&k::ingress::INGRESS),
        counted(&k::networkpolicy::NETWORKPOLICY),
    ],
    reconcile,
};

fn quotas_of(context: &Context, object: &Object) -> Vec<Key> {
    context.client.list(&RESOURCEQUOTA, meta::namespace(object)).iter().map(key).collect()
}

fn reconcile(context: &Context, (namespace, name): &Key) -> Result<Next> {
    let Some(quota) = context.client.find(&RESOURCEQUOTA, namespace, name) else { return Ok(Next::Done) };
    let list = |resource: &str| {
        let served = context.client.resources();
        let row = served.into_iter().find(|row| row.stored_as.is_none() && row.group_resource() == resource);
        row.map(|row| context.client.list(row, namespace)).unwrap_or_default()
    };
    let used = usage::written(&usage::total(&quota, context.client.clock().now(), list));
    let hard = quota.pointer("/spec/hard").cloned().unwrap_or_else(|| json!({}));
    let written = context.client.modify_status(&RESOURCEQUOTA, namespace, name, |quota| {
        quota["status"] = json!({ "hard": &hard, "used": used });
    });
    match written {
        Err(status) if !status.is_not_found() => Err(status),
        _ if hard.as_object().is_none_or(|hard| hard.keys().all(|name| is_watched(name))) => Ok(Next::After(PERIOD)),
        _ => Ok(Next::After(GLANCE)),
    }
}

/// Whether what a quota's name counts is watched.
fn is_watched(name: &str) -> bool {
    let counted = usage::counted(name);
    let watched = || RESOURCE_QUOTA_CONTROLLER.watches.iter().map(|watched| watched.resource.group_resource());
    counted.is_none_or(|resource| watched().any(|watched| watched == resource))
}
