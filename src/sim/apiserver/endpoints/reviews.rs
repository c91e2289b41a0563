//! Questions to the authorizer and the authenticator, asked by creating an object that is never stored.
//! How they decide is auth's. Source: `pkg/registry/authorization/*/rest.go`, `pkg/registry/authentication/*`.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::{ApiServer, Patch, Request, subresources, timestamp};
use crate::object::meta;
use crate::sim::apiserver::auth::{Attributes, TokenObjects, User};
use crate::sim::apiserver::field::ErrorList;
use crate::sim::apiserver::registry::kinds::access_review;
use crate::sim::apiserver::registry::kinds::secret::SECRET;
use crate::sim::apiserver::status::{Result, Status};

impl TokenObjects for ApiServer {
    fn object(&self, kind: &str, namespace: &str, name: &str) -> Option<Arc<Value>> {
        let resource = match kind {
            "ServiceAccount" => "serviceaccounts",
            "Pod" => "pods",
            "Secret" => "secrets",
            _ => "nodes",
        };
        self.storage.get(resource, namespace, name)
    }

    fn note_use(&self, secret: &Value, now: Timestamp) {
        let today = now.strftime("%Y-%m-%d").to_string();
        if meta::label(secret, LAST_USED) == Some(today.as_str()) {
            return;
        }
        let own = Arc::new(User::privileged("system:apiserver"));
        let mut request = Request::new(own, &SECRET, meta::namespace(secret), meta::name(secret));
        request.field_manager = "kube-apiserver".to_owned();
        let change = json!({ "metadata": { "uid": meta::uid(secret), "labels": { (LAST_USED): today } } });
        // A Secret that goes or changes meanwhile has no use for the note.
        drop(self.patch(&request, &Patch::Merge(change)));
    }
}

/// The day a token that lies in a Secret was used last (`pkg/serviceaccount/legacy.go`).
const LAST_USED: &str = "kubernetes.io/legacy-token-last-used";

/// Refuses a review of access that says too little or too much; the refusal does not name its kind
/// (`pkg/registry/authorization/subjectaccessreview/rest.go`).
fn check_access(request: &Request, review: &Value) -> Result<()> {
    let mut errors = ErrorList::default();
    access_review::validate(request.resource.kind, &request.namespace, review, &mut errors);
    if errors.is_empty() { Ok(()) } else { Err(Status::invalid("authorization.k8s.io", "", "", errors)) }
}

impl ApiServer {
    /// Answers a review; the answer is the object asked with, its status filled.
    pub fn review(&self, request: &Request, mut review: Value) -> Result<Value> {
        let resource = request.resource;
        if resource.kind == "Binding" {
            return subresources::bind_named(self, request, &review);
        }
        review["kind"] = json!(resource.kind);
        review["apiVersion"] = json!(resource.api_version());
        if !review["metadata"].is_object() {
            review["metadata"] = json!({});
        }
        if resource.kind.ends_with("SubjectAccessReview") {
            check_access(request, &review)?;
        }
        review["status"] = match resource.kind {
            "SelfSubjectAccessReview" => self.access(&request.user, &review)?,
            "SubjectAccessReview" | "LocalSubjectAccessReview" => self.access(&subject(&review["spec"]), &review)?,
            "SelfSubjectRulesReview" => {
                let namespace = meta::text(&review, "/spec/namespace");
                if namespace.is_empty() {
                    return Err(Status::bad_request("no namespace on request"));
                }
                self.policy().rules_for(&request.user, namespace)
            }
            "SelfSubjectReview" => json!({ "userInfo": shown(&request.user) }),
            "TokenReview" if meta::text(&review, "/spec/token").is_empty() => {
                return Err(Status::bad_request("token is required for TokenReview in authentication"));
            }
            "TokenReview" => self.token(&review),
            other => return Err(Status::not_simulated(other)),
        };
        if resource.kind == "SelfSubjectReview" {
            review["metadata"]["creationTimestamp"] = json!(timestamp(self.clock.now()));
        }
        Ok(review)
    }

    fn access(&self, user: &User, review: &Value) -> Result<Value> {
        let spec = review.get("spec").unwrap_or(&Value::Null);
        let Some(asked) = Attributes::of_review(user, spec) else {
            return Err(Status::bad_request(access_review::ONE_OF));
        };
        let decision = self.policy().authorize(&asked);
        let mut status = json!({ "allowed": decision.allowed });
        if !decision.reason.is_empty() {
            status["reason"] = json!(decision.reason);
        }
        Ok(status)
    }

    fn token(&self, review: &Value) -> Value {
        let audiences: Vec<String> =
            meta::list(review, "/spec/audiences").iter().filter_map(Value::as_str).map(str::to_owned).collect();
        match self.authenticator.review_token(meta::text(review, "/spec/token"), &audiences, self.clock.now(), self) {
            Ok(reviewed) => {
                json!({ "authenticated": true, "user": shown(&reviewed.user), "audiences": reviewed.audiences })
            }
            Err(error) => json!({ "user": {}, "error": error.to_string() }),
        }
    }
}

/// Whom a review is about.
fn subject(spec: &Value) -> User {
    let texts = |value: &Value| -> Vec<String> {
        value.as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
    };
    let extra: BTreeMap<String, Vec<String>> =
        meta::map(spec, "/extra").into_iter().flatten().map(|(key, values)| (key.clone(), texts(values))).collect();
    User {
        name: meta::text(spec, "/user").to_owned(),
        uid: meta::text(spec, "/uid").to_owned(),
        groups: texts(&spec["groups"]),
        extra,
    }
}

fn shown(user: &User) -> Value {
    let mut shown = json!({ "username": user.name, "groups": user.groups });
    if !user.uid.is_empty() {
        shown["uid"] = json!(user.uid);
    }
    if !user.extra.is_empty() {
        shown["extra"] = json!(user.extra);
    }
    shown
}
