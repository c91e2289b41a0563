//! The table of resources: one row and one file in `kinds/` for each, and what every kind shares.
//! Storage is below; who may do what with them is decided above.

pub mod custom;
pub mod duration;
pub mod kinds;
pub mod names;
pub mod resource;
pub mod scale;
pub mod strategy;

use kinds as k;
pub use resource::{Conversion, Resource, Subresource};
pub use strategy::{Deletion, Strategy};

/// Every resource served, in the order discovery shows them: core first, then by group.
pub static RESOURCES: &[&Resource] = &[
    &k::binding::BINDING,
    &k::componentstatus::COMPONENTSTATUS,
    &k::configmap::CONFIGMAP,
    &k::endpoints::ENDPOINTS,
    &k::event::EVENT,
    &k::limitrange::LIMITRANGE,
    &k::namespace::NAMESPACE,
    &k::node::NODE,
    &k::persistentvolumeclaim::PERSISTENTVOLUMECLAIM,
    &k::persistentvolume::PERSISTENTVOLUME,
    &k::pod::POD,
    &k::podtemplate::PODTEMPLATE,
    &k::replicationcontroller::REPLICATIONCONTROLLER,
    &k::resourcequota::RESOURCEQUOTA,
    &k::secret::SECRET,
    &k::serviceaccount::SERVICEACCOUNT,
    &k::service::SERVICE,
    &k::apiservice::APISERVICE,
    &k::controllerrevision::CONTROLLERREVISION,
    &k::daemonset::DAEMONSET,
    &k::deployment::DEPLOYMENT,
    &k::replicaset::REPLICASET,
    &k::statefulset::STATEFULSET,
    &k::event_v1::EVENT_V1,
    &k::selfsubjectreview::SELFSUBJECTREVIEW,
    &k::tokenreview::TOKENREVIEW,
    &k::localsubjectaccessreview::LOCALSUBJECTACCESSREVIEW,
    &k::selfsubjectaccessreview::SELFSUBJECTACCESSREVIEW,
    &k::selfsubjectrulesreview::SELFSUBJECTRULESREVIEW,
    &k::subjectaccessreview::SUBJECTACCESSREVIEW,
    &k::horizontalpodautoscaler::HORIZONTALPODAUTOSCALER,
    &k::horizontalpodautoscaler_v1::HORIZONTALPODAUTOSCALER_V1,
    &k::cronjob::CRONJOB,
    &k::job::JOB,
    &k::certificatesigningrequest::CERTIFICATESIGNINGREQUEST,
    &k::ingressclass::INGRESSCLASS,
    &k::ingress::INGRESS,
    &k::ipaddress::IPADDRESS,
    &k::networkpolicy::NETWORKPOLICY,
    &k::servicecidr::SERVICECIDR,
    &k::poddisruptionbudget::PODDISRUPTIONBUDGET,
    &k::clusterrolebinding::CLUSTERROLEBINDING,
    &k::clusterrole::CLUSTERROLE,
    &k::rolebinding::ROLEBINDING,
    &k::role::ROLE,
    &k::csidriver::CSIDRIVER,
    &k::csinode::CSINODE,
    &k::csistoragecapacity::CSISTORAGECAPACITY,
    &k::storageclass::STORAGECLASS,
    &k::volumeattachment::VOLUMEATTACHMENT,
    &k::volumeattributesclass::VOLUMEATTRIBUTESCLASS,
    &k::mutatingwebhookconfiguration::MUTATINGWEBHOOKCONFIGURATION,
    &k::validatingadmissionpolicy::VALIDATINGADMISSIONPOLICY,
    &k::validatingadmissionpolicybinding::VALIDATINGADMISSIONPOLICYBINDING,
    &k::validatingwebhookconfiguration::VALIDATINGWEBHOOKCONFIGURATION,
    &k::customresourcedefinition::CUSTOMRESOURCEDEFINITION,
    &k::priorityclass::PRIORITYCLASS,
    &k::lease::LEASE,
    &k::runtimeclass::RUNTIMECLASS,
    &k::endpointslice::ENDPOINTSLICE,
    &k::deviceclass::DEVICECLASS,
    &k::resourceclaim::RESOURCECLAIM,
    &k::resourceclaimtemplate::RESOURCECLAIMTEMPLATE,
    &k::resourceslice::RESOURCESLICE,
    &k::flowschema::FLOWSCHEMA,
    &k::prioritylevelconfiguration::PRIORITYLEVELCONFIGURATION,
    &k::nodemetrics::NODEMETRICS,
    &k::podmetrics::PODMETRICS,
];

/// A resource by group, version and plural.
pub fn find(group: &str, version: &str, plural: &str) -> Option<&'static Resource> {
    RESOURCES.iter().find(|row| row.plural == plural && row.group == group && row.version == version).copied()
}

/// A resource by apiVersion and kind.
pub fn of_kind(api_version: &str, kind: &str) -> Option<&'static Resource> {
    let (group, version) = api_version.rsplit_once('/').unwrap_or(("", api_version));
    RESOURCES.iter().find(|row| row.kind == kind && row.group == group && row.version == version).copied()
}
