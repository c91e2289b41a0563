//! ResourceQuota: a namespace uses no more than its quotas grant. Asked last, when nobody changes the object any more.
//! What an object uses stands in `usage.rs`, also for the controller that writes it into the quotas' status.
//! Source: `k8s.io/apiserver/pkg/admission/plugin/resourcequota/controller.go`.

mod check;
mod scope;
pub mod usage;

use super::Plugin;

pub const PLUGIN: Plugin = Plugin { name: "ResourceQuota", validate: check::validate, ..Plugin::NOTHING };
