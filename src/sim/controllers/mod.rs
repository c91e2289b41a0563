//! The controllers: each watches some resources and brings the cluster nearer to what one object asks for.
//! One controller, one file, one row. How a controller is driven is the reconciler's; Pods start and stop at the nodes.

pub mod apiservice_availability;
pub mod autoscaler;
pub mod backends;
pub mod claim;
pub mod clusterrole_aggregation;
pub mod conditions;
pub mod cronjob;
pub mod csr;
pub mod csr_approving;
pub mod csr_cleaner;
pub mod csr_signing;
pub mod custom_resource_definitions;
pub mod daemonset;
pub mod deletion_order;
pub mod deployment;
pub mod disruption;
pub mod endpoint_slice;
pub mod endpoint_slice_mirroring;
pub mod endpoints;
pub mod event_ttl;
pub mod flow_schemas;
pub mod fraction;
pub mod garbage_collector;
pub mod history;
pub mod ip_addresses;
pub mod job;
pub mod namespace;
pub mod node_ipam;
pub mod node_lifecycle;
pub mod pod_control;
pub mod pod_gc;
pub mod pods;
pub mod replicaset;
pub mod resource_quota;
pub mod root_ca;
pub mod service_cidrs;
pub mod serviceaccount;
pub mod statefulset;
pub mod taint_eviction;
pub mod template;
pub mod token_secrets;
pub mod ttl_after_finished;
pub mod validating_admission_policies;
pub mod volumes;

use super::apiserver::status::Result;
use super::reconciler::{Context, Key, Next, Reconciler, Watched};

/// One controller.
pub struct Controller {
    /// Also the source its events name, such as `deployment-controller`.
    pub name: &'static str,
    pub watches: &'static [Watched],
    pub reconcile: fn(&Context, &Key) -> Result<Next>,
}

impl Reconciler for Controller {
    fn name(&self) -> &'static str {
        self.name
    }

    fn watches(&self) -> &'static [Watched] {
        self.watches
    }

    fn reconcile(&self, context: &Context, key: &Key) -> Result<Next> {
        (self.reconcile)(context, key)
    }
}

/// Every controller.
pub static CONTROLLERS: &[&Controller] = &[
    &deployment::DEPLOYMENT_CONTROLLER,
    &replicaset::REPLICASET_CONTROLLER,
    &replicaset::REPLICATION_CONTROLLER,
    &statefulset::STATEFULSET_CONTROLLER,
    &daemonset::DAEMONSET_CONTROLLER,
    &garbage_collector::GARBAGE_COLLECTOR,
    &job::JOB_CONTROLLER,
    &cronjob::CRONJOB_CONTROLLER,
    &ttl_after_finished::TTL_AFTER_FINISHED_CONTROLLER,
    &namespace::NAMESPACE_CONTROLLER,
    &serviceaccount::SERVICE_ACCOUNT_CONTROLLER,
    &root_ca::ROOT_CA_CERTIFICATE_PUBLISHER,
    &node_lifecycle::NODE_LIFECYCLE_CONTROLLER,
    &node_ipam::NODE_IPAM_CONTROLLER,
    &taint_eviction::TAINT_EVICTION_CONTROLLER,
    &pod_gc::POD_GARBAGE_COLLECTOR,
    &event_ttl::EVENT_TTL,
    &endpoints::ENDPOINT_CONTROLLER,
    &endpoint_slice::ENDPOINT_SLICE_CONTROLLER,
    &endpoint_slice_mirroring::ENDPOINT_SLICE_MIRRORING_CONTROLLER,
    &csr_approving::CSR_APPROVING_CONTROLLER,
    &csr_signing::CSR_SIGNING_CONTROLLER,
    &csr_cleaner::CSR_CLEANER_CONTROLLER,
    &token_secrets::TOKENS_CONTROLLER,
    &clusterrole_aggregation::CLUSTERROLE_AGGREGATION_CONTROLLER,
    &resource_quota::RESOURCE_QUOTA_CONTROLLER,
    &volumes::PERSISTENT_VOLUME_BINDER,
    &volumes::LOCAL_PATH_PROVISIONER,
    &volumes::EPHEMERAL_VOLUME_CONTROLLER,
    &volumes::EXPANSION_CONTROLLER,
    &volumes::CLAIM_PROTECTION,
    &volumes::VOLUME_PROTECTION,
    &volumes::CLASS_PROTECTION,
    &disruption::DISRUPTION_CONTROLLER,
    &ip_addresses::SERVICE_IP_REPAIR,
    &service_cidrs::SERVICE_CIDR_CONTROLLER,
    &flow_schemas::FLOW_SCHEMA_CONTROLLER,
    &custom_resource_definitions::CUSTOM_RESOURCE_DEFINITIONS,
    &validating_admission_policies::VALIDATING_ADMISSION_POLICY_STATUS,
    &autoscaler::HORIZONTAL_POD_AUTOSCALER,
    &apiservice_availability::APISERVICE_AVAILABILITY,
];
