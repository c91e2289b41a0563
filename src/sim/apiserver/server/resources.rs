//! Requests about resources: from method and path to a verb, then to its endpoint.
//! The verbs themselves are the endpoints'; long answers are `watching` and `stream`.

use std::time::Duration;

use axum::http::Method;
use axum::response::Response;
use serde_json::{Value, json};

use super::form::{Form, List, SERVED};
use super::handler::{Call, json as answer, refusal, warn};
use super::path::ResourcePath;
use super::query::continue_token;
use super::{access, stream, watching};
use crate::object::meta;
use crate::sim::apiserver::decoding;
use crate::sim::apiserver::endpoints::{Continuation, DeleteOptions, Deleted, Patch, Request, subresources};
use crate::sim::apiserver::field::ErrorList;
use crate::sim::apiserver::registry::{RESOURCES, Resource};
use crate::sim::apiserver::status::{Result, Status};

/// What a method on a path means (`requestinfo.go`).
fn verb(call: &Call, path: &ResourcePath) -> &'static str {
    let on_collection = path.name.is_empty();
    match call.method {
        Method::POST => "create",
        Method::PUT => "update",
        Method::PATCH => "patch",
        Method::DELETE if on_collection => "deletecollection",
        Method::DELETE => "delete",
        Method::GET | Method::HEAD if path.watch || (call.query.is("watch") && path.subresource.is_empty()) => "watch",
        Method::GET | Method::HEAD if on_collection => "list",
        _ => "get",
    }
}

/// Answers a request about a resource.
pub async fn serve(call: Call, path: ResourcePath) -> Result<Response> {
    let verb = verb(&call, &path);
    access::authorize_resource(&call.server.api, &call.user, verb, &path)?;
    let resource = call.server.api.resource(&path.group, &path.version, &path.plural);
    let resource = resource.ok_or_else(|| nothing_there(&path))?;
    let misplaced = if resource.namespaced {
        path.namespace.is_empty() && !path.name.is_empty()
    } else {
        !path.namespace.is_empty()
    };
    if misplaced {
        return Err(Status::no_such_path());
    }
    if !path.subresource.is_empty() {
        let known = resource.subresource(&path.subresource).ok_or_else(|| match resource.strategy.custom {
            // The handler of custom resources says it of the object (`customresource_handler.go`).
            Some(_) => Status::not_found(resource.group, resource.plural, &path.name),
            None => Status::no_such_path(),
        })?;
        if !known.verbs.contains(&verb) {
            // Again the handler of custom resources has words of its own.
            return Err(match resource.strategy.custom {
                Some(_) => Status::method_not_supported(resource.group, resource.plural, verb),
                None => Status::not_allowed(),
            });
        }
        if stream::is_stream(&path.subresource) {
            return stream::serve(call, &path).await;
        }
    } else if !resource.verbs.contains(&verb) || !is_offered(&call.method, &path) {
        return Err(Status::not_allowed());
    }
    let request = request(&call, resource, &path)?;
    request.warnings.borrow_mut().extend(resource.deprecation().map(str::to_owned));
    let form = Form::negotiate(call.header("accept"), &call.query)?;
    if verb == "watch" {
        let mut response = watching::serve(&call, &request, form)?;
        warn(&mut response, &request.warnings.borrow());
        return Ok(response);
    }
    reach(&call, verb).await?;
    let mut response = dispatch(&call, &request, verb, form).unwrap_or_else(|status| refusal(&status));
    warn(&mut response, &request.warnings.borrow());
    Ok(response)
}

/// What is said where no such resource is served: in a group of its own the built-in server knows a Status, elsewhere it has no page.
fn nothing_there(path: &ResourcePath) -> Status {
    let built_in = |resource: &&&Resource| resource.group == path.group && resource.version == path.version;
    if RESOURCES.iter().any(|resource| built_in(&resource)) { Status::no_such_path() } else { Status::page_not_found() }
}

/// Waits until the revision asked for is there, for three seconds as the real server does (`cacher/watch_cache.go`, blockTimeout).
async fn reach(call: &Call, verb: &str) -> Result<()> {
    if !matches!(verb, "get" | "list" | "deletecollection") {
        return Ok(());
    }
    let asked = call.query.resource_version().map_err(|status| match verb {
        "get" => status,
        _ => Status::bad_request(format!("invalid resource version: {}", status.message)),
    });
    let Some(wanted) = asked? else { return Ok(()) };
    let api = &call.server.api;
    let end = api.clock.now() + jiff::SignedDuration::from_secs(3);
    while wanted > api.storage.revision() {
        if api.clock.now() >= end {
            return Err(Status::too_large_revision(wanted, api.storage.revision()));
        }
        api.clock.sleep(Duration::from_millis(50)).await;
    }
    Ok(())
}

/// A page that comes too late is told how to go on with what there is now.
fn renewed(mut status: Status, last: Option<Continuation>) -> Status {
    if let Some(last) = last.filter(|_| status.code == 410) {
        status.continuation = Some(continue_token(&Continuation { revision: None, ..last }));
    }
    status
}

/// Whether the path answers the method at all: collections are created in and listed, objects read and changed.
fn is_offered(method: &Method, path: &ResourcePath) -> bool {
    match *method {
        Method::GET | Method::DELETE => true,
        Method::POST => path.name.is_empty(),
        Method::PUT | Method::PATCH => !path.name.is_empty(),
        _ => false,
    }
}

fn request(call: &Call, resource: &'static Resource, path: &ResourcePath) -> Result<Request> {
    let mut request = Request::new(call.user.clone(), resource, &path.namespace, &path.name).on(&path.subresource);
    let kind = match call.method {
        Method::POST => "CreateOptions",
        Method::PUT => "UpdateOptions",
        Method::PATCH => "PatchOptions",
        Method::DELETE => "DeleteOptions",
        _ => return Ok(request),
    };
    let mut errors = ErrorList::default();
    if call.method == Method::PATCH {
        request.force = call.query.is("force");
        apply_options(call, &mut errors);
    }
    if call.method != Method::DELETE {
        request.field_manager = match call.query.field_manager(&mut errors) {
            // The program's own name, as the real server takes it from the user agent.
            "" => call.header("user-agent").split('/').next().unwrap_or_default().to_owned(),
            named => named.to_owned(),
        };
    }
    request.dry_run = call.query.dry_run(&mut errors);
    if call.method != Method::DELETE {
        request.field_validation = call.query.field_validation(&mut errors);
    }
    if errors.is_empty() { Ok(request) } else { Err(Status::invalid("meta.k8s.io", kind, "", errors)) }
}

/// Options that only server-side apply has, or must have.
fn apply_options(call: &Call, errors: &mut ErrorList) {
    let applies = call.header("content-type").starts_with("application/apply-patch");
    if applies && call.query.get("fieldManager").is_empty() {
        errors.required("fieldManager", "is required for apply patch");
    }
    if !applies && call.query.has("force") {
        errors.forbidden("force", "may not be specified for non-apply patch");
    }
}

fn dispatch(call: &Call, request: &Request, verb: &str, form: Form) -> Result<Response> {
    let api = &call.server.api;
    let resource = request.resource;
    let now = api.clock.now();
    let show = |code: u16, object: &_| answer(code, &form.object(resource, object, now));
    match verb {
        _ if resource.is_virtual() && form != Form::Json => Err(Status::no_such_form(SERVED)),
        _ if resource.is_virtual() => Ok(answer(201, &api.review(request, body(call, request)?)?)),
        _ if subresources::is_special(resource, &request.subresource) => {
            let body = if matches!(verb, "get") { Value::Null } else { subresource_body(call, request)? };
            let (code, object) = subresources::serve(&call.server.api, request, verb, body)?;
            Ok(answer(code, &if object["kind"] == "Scale" { form.scale(object, now) } else { object }))
        }
        "get" => Ok(show(200, &api.get(request)?)),
        "list" => {
            call.query.initial_events(false)?;
            let options = call.query.list_options()?;
            let page = api.list(request, &options).map_err(|status| renewed(status, options.continue_from))?;
            Ok(answer(200, &List { resource, page: &page, form, now }))
        }
        "create" => Ok(show(201, &api.create(request, body(call, request)?)?)),
        "update" => {
            let (object, created) = api.update(request, body(call, request)?)?;
            Ok(show(if created { 201 } else { 200 }, &object))
        }
        "patch" => {
            let patch = patch(call)?;
            request.repeated.borrow_mut().extend(repeated(call, &patch));
            let (object, created) = api.patch(request, &patch)?;
            Ok(show(if created { 201 } else { 200 }, &object))
        }
        "delete" => Ok(match api.delete(request, &delete_options(call)?)? {
            Deleted::Terminating(object) => show(200, &object),
            Deleted::Gone(object) => answer(200, &success(resource, &object)),
        }),
        _ => {
            let objects = api.delete_collection(request, &call.query.list_options()?, &delete_options(call)?)?;
            let page = crate::sim::apiserver::endpoints::Page { objects, revision: api.storage.revision(), more: None };
            Ok(answer(200, &List { resource, page: &page, form, now }))
        }
    }
}

/// The body as an object of the resource.
fn body(call: &Call, request: &Request) -> Result<Value> {
    let version = request.resource.api_version();
    let (object, told) = call.decode(Some((&version, request.resource.kind)), request.field_validation)?;
    let custom = request.resource.strategy.custom.is_some();
    if custom { &request.repeated } else { &request.warnings }.borrow_mut().extend(told);
    Ok(object)
}

/// The body of a subresource, which has a kind of its own; a patch stays as it is.
fn subresource_body(call: &Call, request: &Request) -> Result<Value> {
    if call.method == Method::PATCH {
        return match patch(call)? {
            Patch::Json(body) | Patch::Merge(body) | Patch::Strategic(body) | Patch::Apply(body) => Ok(body),
        };
    }
    if call.body.is_empty() {
        return Ok(json!({}));
    }
    let own = request.resource.subresources.iter().find(|one| one.name == request.subresource);
    let (version, kind) = match own.filter(|own| !own.kind.is_empty()) {
        // Discovery leaves out the version of kinds in the resource's own.
        Some(own) if own.version.is_empty() => (request.resource.api_version(), own.kind),
        Some(own) if own.group.is_empty() => (own.version.to_owned(), own.kind),
        Some(own) => (format!("{}/{}", own.group, own.version), own.kind),
        None => (request.resource.api_version(), request.resource.kind),
    };
    let (object, warnings) = call.decode(Some((&version, kind)), request.field_validation)?;
    request.warnings.borrow_mut().extend(warnings);
    Ok(object)
}

/// The body of a deletion. What reads it knows options, and no other kind (`k8s.io/apiserver/pkg/endpoints/handlers/delete.go`).
fn delete_body(call: &Call) -> Result<Value> {
    if call.body.is_empty() {
        return Ok(json!({}));
    }
    // What cannot be read is told below.
    let said = decoding::tree(&call.body, call.header("content-type")).unwrap_or_default();
    let (kind, version) = (meta::text(&said, "/kind"), meta::text(&said, "/apiVersion"));
    if !matches!(kind, "" | "DeleteOptions") {
        return Err(Status::bad_request(format!(
            "no kind {kind:?} is registered for version {version:?} in scheme \"pkg/runtime/scheme.go:111\""
        )));
    }
    Ok(call.decode(Some(("v1", "DeleteOptions")), Default::default())?.0)
}

fn delete_options(call: &Call) -> Result<DeleteOptions> {
    let mut body = delete_body(call)?;
    for parameter in ["propagationPolicy", "gracePeriodSeconds", "orphanDependents"] {
        match (call.query.get(parameter), parameter) {
            ("", _) => {}
            (_, "gracePeriodSeconds") => body[parameter] = json!(call.query.integer(parameter)?),
            (text, "orphanDependents") => body[parameter] = json!(text == "true"),
            (text, _) => body[parameter] = json!(text),
        }
    }
    DeleteOptions::from_value(&body)
}

/// A patch that has to be a map.
fn map(patch: Value, words: &str) -> Result<Value> {
    let is = match patch {
        Value::Object(_) => return Ok(patch),
        Value::Array(_) => "array",
        Value::String(_) => "string",
        Value::Number(_) => "number",
        Value::Bool(_) => "bool",
        Value::Null => return Ok(json!({})),
    };
    let why = format!("{words}json: cannot unmarshal {is} into Go value of type map[string]interface {{}}");
    Err(Status::bad_request(why))
}

fn patch(call: &Call) -> Result<Patch> {
    let kind = call.header("content-type").split(';').next().unwrap_or_default().trim().to_owned();
    let words = match kind.as_str() {
        "application/strategic-merge-patch+json" => "",
        "application/apply-patch+yaml" => "error decoding YAML: ",
        _ => "error decoding patch: ",
    };
    let tree = || -> Result<Value> {
        decoding::tree(&call.body, &kind).map_err(|why| Status::bad_request(format!("{words}{why}")))
    };
    match kind.as_str() {
        "application/json-patch+json" => Ok(Patch::Json(tree()?)),
        "application/merge-patch+json" => Ok(Patch::Merge(map(tree()?, words)?)),
        "application/strategic-merge-patch+json" => Ok(Patch::Strategic(map(tree()?, words)?)),
        "application/apply-patch+yaml" => Ok(Patch::Apply(tree()?)),
        _ => Err(Status::unsupported_patch()),
    }
}

/// The fields a patch gives twice.
fn repeated(call: &Call, patch: &Patch) -> Vec<String> {
    let found = decoding::repeated(&call.body, call.header("content-type"));
    match patch {
        Patch::Json(_) => found.iter().map(|one| format!("json patch {one}")).collect(),
        _ => found,
    }
}

fn success(resource: &Resource, object: &Value) -> Value {
    let mut details = json!({ "name": meta::name(object) });
    if !resource.group.is_empty() {
        details["group"] = json!(resource.group);
    }
    details["kind"] = json!(resource.plural);
    details["uid"] = json!(meta::uid(object));
    json!({ "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "details": details })
}
