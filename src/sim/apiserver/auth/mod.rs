//! Who asks, and whether they may: authentication, impersonation, RBAC with its escalation rules, aggregation, the bootstrap policy.
//! What is done with an allowed request is admission's and the endpoints'.
//! There is no Node authorizer: the simulated kubelets are in the process and ask as `system:masters`, so a kubelet's certificate
//! may here only what RBAC says, which is what everybody may.

pub mod aggregation;
pub mod attributes;
pub mod authentication;
pub mod bootstrap;
pub mod claims;
pub mod escalation;
pub mod impersonation;
pub mod rbac;
pub mod rule;
pub mod token;
pub mod user;

pub use attributes::{Attributes, ResourceAttributes, Target};
pub use authentication::{Authenticator, PeerCertificate};
pub use bootstrap::bootstrap_policy;
pub use claims::{TokenError, TokenObjects, TokenReviewed};
pub use escalation::PolicyWrite;
pub use rbac::{Decision, Policy, PolicyKind, Rbac, RuleSource};
pub use token::{TokenClaims, TokenKey};
pub use user::User;
