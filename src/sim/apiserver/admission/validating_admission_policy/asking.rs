//! Whom policies and match conditions ask as `authorizer`: RBAC, about the user of the request or a ServiceAccount.
//! Source: `k8s.io/apiserver/pkg/cel/library/authz.go`, and `pkg/admission/plugin/cel/condition.go` for what is asked of it.

use std::sync::Arc;

use crate::expr::{Answer, Asking, Authorizer, Question};
use crate::sim::apiserver::admission::Attributes;
use crate::sim::apiserver::auth::{self, Policy, ResourceAttributes, Target, User};

/// Who may do what, asked for one request.
struct Rbac {
    policy: Arc<Policy>,
    user: User,
}

/// The authorizer of a request.
pub(super) fn of(attributes: &Attributes) -> Asking {
    let text = str::to_owned;
    let request = Question {
        group: text(attributes.resource.group),
        resource: text(attributes.resource.plural),
        subresource: text(attributes.subresource),
        namespace: text(attributes.namespace),
        name: text(attributes.name),
        ..Question::default()
    };
    Asking { authorizer: Arc::new(Rbac { policy: attributes.policy(), user: attributes.user.clone() }), request }
}

impl Authorizer for Rbac {
    fn answer(&self, question: &Question) -> Answer {
        let other = question.service_account.as_ref();
        let other = other.map(|(namespace, name)| User::service_account(namespace, name, ""));
        let target = match &question.path {
            Some(path) => Target::Path(path),
            None => Target::Resource(ResourceAttributes {
                group: &question.group,
                version: "*",
                resource: &question.resource,
                subresource: &question.subresource,
                namespace: &question.namespace,
                name: &question.name,
            }),
        };
        let user = other.as_ref().unwrap_or(&self.user);
        let decision = self.policy.authorize(&auth::Attributes { user, verb: &question.verb, target });
        Answer { allowed: decision.allowed, reason: decision.reason }
    }
}
