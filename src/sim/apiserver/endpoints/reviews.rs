//! Questions to the authorizer and the authenticator, asked by creating an object that is never stored.
//! How they decide is auth's. Source: `pkg/registry/authorization/*/rest.go`, `pkg/registry/authentication/*`.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{ApiServer, Request, subresources, timestamp};
use crate::object::meta;
use crate::sim::apiserver::auth::{Attributes, TokenObjects, User};
use crate::sim::apiserver::field::ErrorList;
use crate::sim::apiserver::status::{Result, Status};

impl TokenObjects for ApiServer {
    fn object(&self, kind: &str, namespace: &str, name: &str) -> Option<std::sync::Arc<Value>> {
        let resource = match kind {
            "ServiceAccount" => "serviceaccounts",
            "Pod" => "pods",
            "Secret" => "secrets",
            _ => "nodes",
        };
        self.storage.get(resource, namespace, name)
    }
}

const ONE_OF: &str = "exactly one of nonResourceAttributes or resourceAttributes must be specified";

/// The refusal of a review, which does not name its kind (`pkg/registry/authorization/subjectaccessreview/rest.go`).
fn invalid(errors: ErrorList) -> Status {
    Status::invalid("authorization.k8s.io", "", "", errors)
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
        review["status"] = match resource.kind {
            "SelfSubjectAccessReview" => self.access(&request.user, &review)?,
            "SubjectAccessReview" | "LocalSubjectAccessReview" => {
                let user = subject(&review["spec"]);
                if user.name.is_empty() && user.groups.is_empty() {
                    let mut errors = ErrorList::default();
                    if Attributes::of_review(&user, &review["spec"]).is_none() {
                        errors.invalid("spec.resourceAttributes", Value::Null, ONE_OF);
                    }
                    errors.invalid("spec.user", "", "at least one of user or group must be specified");
                    return Err(invalid(errors));
                }
                self.access(&user, &review)?
            }
            "SelfSubjectRulesReview" => {
                let namespace = meta::text(&review, "/spec/namespace");
                if namespace.is_empty() {
                    return Err(Status::bad_request("no namespace on request"));
                }
                self.policy().rules_for(&request.user, namespace)
            }
            "SelfSubjectReview" => json!({ "userInfo": shown(&request.user) }),
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
            let mut errors = ErrorList::default();
            errors.invalid("spec.resourceAttributes", Value::Null, ONE_OF);
            return Err(invalid(errors));
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
