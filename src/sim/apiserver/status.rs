//! What the API answers when it refuses: `metav1.Status`, in Kubernetes' own words.
//! Which words belong to which field stands in `field.rs`; who refuses what, with those who refuse.
//! Source: `k8s.io/apimachinery/pkg/api/errors/errors.go`.

use serde_json::{Value, json};

use super::field::ErrorList;

/// A refusal. Boxed details keep results small.
#[derive(Clone, Debug, PartialEq)]
pub struct Status {
    /// HTTP status code.
    pub code: u16,
    /// Machine-readable reason, such as `NotFound`.
    pub reason: &'static str,
    /// What people read.
    pub message: String,
    /// `details` of the answer: kind, name, causes, `retryAfterSeconds`.
    pub details: Option<Box<Value>>,
    /// `metadata.continue`: how to go on with a list whose history is gone.
    pub continuation: Option<String>,
}

/// What most functions of the API server return.
pub type Result<T> = std::result::Result<T, Status>;

/// A resource as errors name it: `deployments.apps`, or `pods` in the core group.
pub fn group_resource(group: &str, plural: &str) -> String {
    if group.is_empty() { plural.to_owned() } else { format!("{plural}.{group}") }
}

impl Status {
    fn new(code: u16, reason: &'static str, message: impl Into<String>) -> Self {
        Self { code, reason, message: message.into(), details: None, continuation: None }
    }

    fn about(mut self, group: &str, kind: &str, name: &str) -> Self {
        let mut details = json!({});
        for (key, value) in [("name", name), ("group", group), ("kind", kind)] {
            if !value.is_empty() {
                details[key] = json!(value);
            }
        }
        self.details = Some(Box::new(details));
        self
    }

    /// 404: the object is not there.
    pub fn not_found(group: &str, plural: &str, name: &str) -> Self {
        let resource = group_resource(group, plural);
        Self::new(404, "NotFound", format!("{resource} \"{name}\" not found")).about(group, plural, name)
    }

    /// 404: nothing is served at this path.
    pub fn no_such_path() -> Self {
        let mut status = Self::new(404, "NotFound", "the server could not find the requested resource");
        status.details = Some(Box::new(json!({})));
        status
    }

    /// 404 as the server says it where no group answers at all: a page, no Status (`k8s.io/apiserver/pkg/server/mux/pathrecorder.go`).
    pub fn page_not_found() -> Self {
        Self::new(404, "NotFound", "404 page not found")
    }

    /// Whether this is said as a page, not as a Status.
    pub fn is_page(&self) -> bool {
        self.code == 404 && self.details.is_none()
    }

    /// A refusal that gives no reason beside its words.
    pub fn bare(code: u16, message: &str) -> Self {
        Self { details: Some(Box::new(json!({}))), ..Self::new(code, "", message) }
    }

    /// 409: an object of that name is there already.
    pub fn already_exists(group: &str, plural: &str, name: &str) -> Self {
        let resource = group_resource(group, plural);
        Self::new(409, "AlreadyExists", format!("{resource} \"{name}\" already exists")).about(group, plural, name)
    }

    /// 409: what was sent does not fit what is stored.
    pub fn conflict(group: &str, plural: &str, name: &str, why: &str) -> Self {
        let resource = group_resource(group, plural);
        let message = format!("Operation cannot be fulfilled on {resource} \"{name}\": {why}");
        Self::new(409, "Conflict", message).about(group, plural, name)
    }

    /// 409: somebody changed the object since it was read.
    pub fn modified(group: &str, plural: &str, name: &str) -> Self {
        let why = "the object has been modified; please apply your changes to the latest version and try again";
        Self::conflict(group, plural, name, why)
    }

    /// 403: admission refuses; `why` in the plugin's words.
    pub fn forbidden(group: &str, plural: &str, name: &str, why: &str) -> Self {
        let resource = group_resource(group, plural);
        let message = if name.is_empty() {
            format!("{resource} is forbidden: {why}")
        } else {
            format!("{resource} \"{name}\" is forbidden: {why}")
        };
        Self::new(403, "Forbidden", message).about(group, plural, name)
    }

    /// 403 with the whole message given, as the authorizer words it.
    pub fn forbidden_message(message: impl Into<String>) -> Self {
        let mut status = Self::new(403, "Forbidden", message);
        status.details = Some(Box::new(json!({})));
        status
    }

    /// 400.
    pub fn bad_request(message: impl Into<String>) -> Self {
        Self::new(400, "BadRequest", message)
    }

    /// 401.
    pub fn unauthorized() -> Self {
        Self::new(401, "Unauthorized", "Unauthorized")
    }

    /// 404 for a resource whose server was never registered, as client-go words it.
    pub fn unknown_resource(group_resource: &str) -> Self {
        Self::new(404, "NotFound", format!("the server could not find the requested resource (get {group_resource})"))
    }

    /// 503 for a resource whose server does not answer, as client-go words it.
    pub fn unavailable(group_resource: &str) -> Self {
        let message = format!("the server is currently unable to handle the request (get {group_resource})");
        Self::new(503, "ServiceUnavailable", message)
    }

    /// 503 where what is asked is behind something that does not answer.
    pub fn unreachable(why: &str) -> Self {
        Self::new(503, "ServiceUnavailable", why)
    }

    /// 405.
    pub fn method_not_supported(group: &str, plural: &str, verb: &str) -> Self {
        let resource = group_resource(group, plural);
        let message = format!("{verb} is not supported on resources of kind \"{resource}\"");
        Self::new(405, "MethodNotAllowed", message).about(group, plural, "")
    }

    /// 406: no form of answer that the client accepts.
    pub fn not_acceptable(offered: &str) -> Self {
        let message = format!("406: Not Acceptable\n\nAvailable representations: {offered}");
        let mut status = Self::new(406, "NotAcceptable", message);
        status.details = Some(Box::new(json!({})));
        status
    }

    /// 406: the type is served, but not this form of it.
    pub fn no_such_form(offered: &str) -> Self {
        Self::new(406, "NotAcceptable", format!("only the following media types are accepted: {offered}"))
    }

    /// 409: somebody else owns what an applied configuration would change; with a cause a conflict.
    pub fn apply_conflict(message: &str, causes: &Value) -> Self {
        let mut status = Self::new(409, "Conflict", message);
        status.details = Some(Box::new(json!({ "causes": causes })));
        status
    }

    /// An error that upstream gives no reason.
    pub fn unclassified(code: u16, message: impl Into<String>) -> Self {
        Self::new(code, "", message)
    }

    /// 415: the body is in a form not read here.
    pub fn unsupported_media_type(accepted: &str) -> Self {
        let message =
            format!("the body of the request was in an unknown format - accepted media types include: {accepted}");
        Self::new(415, "UnsupportedMediaType", message)
    }

    /// 415: a patch in no form there is.
    pub fn unsupported_patch() -> Self {
        let mut status = Self::new(415, "UnsupportedMediaType", "415: Unsupported Media Type");
        status.details = Some(Box::new(json!({})));
        status
    }

    /// 405: the path is served, the method is not.
    pub fn not_allowed() -> Self {
        let message = "the server does not allow this method on the requested resource";
        let mut status = Self::new(405, "MethodNotAllowed", message);
        status.details = Some(Box::new(json!({})));
        status
    }

    /// 413.
    pub fn too_large(limit: usize) -> Self {
        Self::new(413, "RequestEntityTooLarge", format!("Request entity too large: limit is {limit}"))
    }

    /// 500: as etcd refuses when its quota is used up.
    pub fn no_space() -> Self {
        Self::unclassified(500, "etcdserver: mvcc: database space exceeded")
    }

    /// 410: history before this revision is gone.
    pub fn expired(message: impl Into<String>) -> Self {
        Self::new(410, "Expired", message)
    }

    /// 504: nothing has that revision yet.
    pub fn too_large_revision(wanted: u64, current: u64) -> Self {
        let message = format!("Timeout: Too large resource version: {wanted}, current: {current}");
        let mut status =
            Self::new(504, "Timeout", message).with_cause("ResourceVersionTooLarge", "Too large resource version", "");
        if let Some(details) = &mut status.details {
            details["retryAfterSeconds"] = json!(1);
        }
        status
    }

    /// 429 with causes, as evictions are refused.
    pub fn too_many_requests(message: impl Into<String>, causes: Value) -> Self {
        let mut status = Self::new(429, "TooManyRequests", message);
        status.details = Some(Box::new(json!({ "causes": causes })));
        status
    }

    /// 422 from the errors of fields; `kubectl` prints it from the causes.
    pub fn invalid(group: &str, kind: &str, name: &str, errors: ErrorList) -> Self {
        let said = errors.sentence();
        let shown = if group.is_empty() { kind.to_owned() } else { format!("{kind}.{group}") };
        let mut status =
            Self::new(422, "Invalid", format!("{shown} \"{name}\" is invalid: {said}")).about(group, kind, name);
        if let Some(details) = &mut status.details {
            details["causes"] = errors.causes();
        }
        status
    }

    /// 500: a fault of ours.
    pub fn internal(message: impl std::fmt::Display) -> Self {
        Self::new(500, "InternalError", format!("Internal error occurred: {message}"))
    }

    /// 501: a thing Kubernetes has and this cluster has not; `docs/simulator.md` names them.
    pub fn not_simulated(what: &str) -> Self {
        let message = format!("{what} is not simulated by this practice cluster (see docs/simulator.md)");
        Self::new(501, "NotImplemented", message)
    }

    /// Adds one cause to the details.
    pub fn with_cause(mut self, reason: &str, message: &str, field: &str) -> Self {
        let details = self.details.get_or_insert_with(|| Box::new(json!({})));
        let mut cause = json!({ "reason": reason, "message": message });
        if !field.is_empty() {
            cause["field"] = json!(field);
        }
        match details.get_mut("causes").and_then(Value::as_array_mut) {
            Some(causes) => causes.push(cause),
            None => details["causes"] = json!([cause]),
        }
        self
    }

    /// Whether the object was not there.
    pub fn is_not_found(&self) -> bool {
        self.code == 404
    }

    /// Whether somebody was faster: the name is taken or the object changed.
    pub fn is_conflict(&self) -> bool {
        self.code == 409
    }

    /// Whether one of the causes has this reason, such as `NamespaceTerminating`.
    pub fn has_cause(&self, reason: &str) -> bool {
        let causes = self.details.as_ref().and_then(|details| details.get("causes")?.as_array());
        causes.is_some_and(|causes| causes.iter().any(|cause| cause["reason"] == reason))
    }

    /// The answer's body.
    pub fn to_value(&self) -> Value {
        let mut body = json!({
            "kind": "Status",
            "apiVersion": "v1",
            "metadata": {},
            "status": "Failure",
            "message": self.message,
            "reason": self.reason,
        });
        if let Some(details) = &self.details {
            body["details"] = (**details).clone();
        }
        if let Some(token) = &self.continuation {
            body["metadata"] = json!({ "continue": token });
        }
        if self.reason.is_empty()
            && let Some(fields) = body.as_object_mut()
        {
            fields.shift_remove("reason");
        }
        body["code"] = json!(self.code);
        body
    }
}

impl std::fmt::Display for Status {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Status {}
