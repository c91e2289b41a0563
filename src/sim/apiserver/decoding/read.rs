//! Reads a body or a tree as an object: media type, kind and version, the typed walk, strictness, and Go's normal form.
//! The walk is `walk`, protobuf is `protobuf`, the words are `words`.

use super::errors::{DecodeError, Unfit};
use super::protobuf;
use super::walk::Walk;
use super::words::{self, Dialect};
use crate::object::schema::{self, Type};
use serde_json::Value;
use serde_yaml::options::DuplicateKeyPolicy;

/// What to do about unknown and duplicate fields (`fieldValidation=`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum FieldValidation {
    /// Drop them silently.
    Ignore,
    /// Drop them with a warning; the server's default.
    #[default]
    Warn,
    /// Refuse the request.
    Strict,
}

impl FieldValidation {
    /// The value of the query parameter; `None` when it is none of Kubernetes'.
    pub fn of(parameter: &str) -> Option<Self> {
        Some(match parameter {
            "" | "Warn" => Self::Warn,
            "Ignore" => Self::Ignore,
            "Strict" => Self::Strict,
            _ => return None,
        })
    }
}

/// What a body says it is.
#[derive(Default)]
struct TypeMeta {
    api_version: Option<String>,
    kind: Option<String>,
}

/// A body with its media type found out.
enum Body<'a> {
    Json(&'a [u8]),
    Yaml(&'a str),
    Protobuf(&'a [u8]),
}

/// Reads a request's body as an object.
///
/// `content_type` may be empty (JSON) and carry parameters. With `expected` (API version and kind of the endpoint) a body that names neither is
/// taken to be that; one of another built-in kind is an error, save that any group's `DeleteOptions` will do. The result has `apiVersion` and
/// `kind`, is [normalised](schema::normalise), and comes with the warnings to send. Kinds that are not built in (custom resources), and
/// documents of no kind where none is expected, are read as they are; what strict validation refuses in them comes as warnings too, in the
/// words of a refusal, since only who has their schema knows all of it.
pub fn decode(
    bytes: &[u8],
    content_type: &str,
    expected: Option<(&str, &str)>,
    validation: FieldValidation,
) -> Result<(Value, Vec<String>), DecodeError> {
    let body = body(bytes, content_type)?;
    let unrecognized = |why: String| DecodeError::unrecognized(expected, why, bytes);
    let (meta, raw) = match &body {
        Body::Json(bytes) => (json_meta(bytes).map_err(unrecognized)?, &[][..]),
        Body::Yaml(text) => (yaml_meta(text).map_err(unrecognized)?, &[][..]),
        Body::Protobuf(bytes) => {
            let (api_version, kind, raw) =
                protobuf::envelope(bytes).map_err(|error| unrecognized(error.to_string()))?;
            (TypeMeta { api_version: Some(api_version), kind: Some(kind) }, raw)
        }
    };
    let (api_version, kind) = effective(meta, expected);
    if api_version.matches('/').count() > 1 {
        return Err(unrecognized(format!("unexpected GroupVersion string: {api_version}")));
    }
    let unhandled = |why: String| DecodeError::unhandled((&api_version, &kind), expected, why);
    let of = resolve(&api_version, &kind, expected)?;
    let mut walk = Walk::new(if matches!(body, Body::Yaml(_)) { Dialect::Yaml } else { Dialect::Json });
    let mut value = read(&body, of, raw, &mut walk).map_err(unhandled)?;
    let warnings = match (of, settle(walk, validation)) {
        (None, Err(Unfit::Strict(errors))) => errors,
        (_, settled) => settled.map_err(|unfit| unhandled(unfit.to_string()))?,
    };
    if let (Value::Object(map), false) = (&mut value, kind.is_empty()) {
        map.insert("apiVersion".into(), api_version.into());
        map.insert("kind".into(), kind.into());
    }
    if let Some(of) = of {
        schema::normalise(&mut value, of);
    }
    Ok((value, warnings))
}

/// The document as a tree: by its type where there is one; `raw` is the message in a protobuf body.
fn read(body: &Body, of: Option<Type>, raw: &[u8], walk: &mut Walk) -> Result<Value, String> {
    match (body, of) {
        (Body::Protobuf(_), Some(of)) => protobuf::message(of, raw).map_err(|error| error.to_string()),
        (Body::Protobuf(_), None) => Err("no message of that kind is known".into()),
        (Body::Json(bytes), Some(of)) => walk
            .read(of, &mut serde_json::Deserializer::from_slice(bytes))
            .map_err(|error| words::json_fault(&error, bytes)),
        (Body::Json(bytes), None) => walk
            .read_any(&mut serde_json::Deserializer::from_slice(bytes))
            .map_err(|error| words::json_fault(&error, bytes)),
        (Body::Yaml(text), of) => {
            serde_yaml::with_deserializer_from_str_with_options(text, yaml_options(), |from| match of {
                Some(of) => walk.read(of, from),
                None => walk.read_any(from),
            })
            .map_err(|error| yaml_fault(&error))
        }
    }
}

/// The fields that a patch gives twice, as strict validation tells them: in JSON by their paths, in YAML by their lines.
pub fn repeated(bytes: &[u8], content_type: &str) -> Vec<String> {
    let body = match body(bytes, content_type) {
        Ok(Body::Yaml(text)) => Body::Yaml(text),
        _ => Body::Json(bytes),
    };
    let mut walk = Walk::new(if matches!(body, Body::Yaml(_)) { Dialect::Yaml } else { Dialect::Json });
    // What cannot be read was told before.
    let _ = read(&body, None, &[], &mut walk);
    walk.yaml.into_iter().chain(walk.strict).collect()
}

fn yaml_tree(text: &str) -> Result<Value, String> {
    serde_yaml::from_str_with_options(text, yaml_options()).map_err(|error| yaml_fault(&error))
}

/// Reads a document in YAML that is no request, such as a configuration file, as an object of type `of`; and what a strict reader has against it.
/// An error is why it cannot be read at all.
pub fn document(text: &str, of: Type) -> Result<(Value, Option<Unfit>), String> {
    let mut walk = Walk::new(Dialect::Yaml);
    let value = read(&Body::Yaml(text), Some(of), &[], &mut walk)?;
    match settle(walk, FieldValidation::Strict) {
        Err(Unfit::Shape(why)) => Err(why),
        settled => Ok((value, settled.err())),
    }
}

/// Reads a document as it stands, JSON being YAML too: for patches, which are no objects yet.
pub fn tree(bytes: &[u8], content_type: &str) -> Result<Value, String> {
    match body(bytes, content_type) {
        Ok(Body::Yaml(text)) => yaml_tree(text),
        _ => serde_json::from_slice(bytes).map_err(|error| words::json_fault(&error, bytes)),
    }
}

/// Reads a tree, such as a patched object, as an object of type `of`: the same checks and the same result as [`decode`]'s. Without a type
/// (custom resources) the tree stays as it is.
pub fn refit(
    value: &Value,
    of: Option<Type>,
    dialect: Dialect,
    validation: FieldValidation,
) -> Result<(Value, Vec<String>), Unfit> {
    let Some(of) = of else { return Ok((value.clone(), Vec::new())) };
    let mut walk = Walk::new(dialect);
    let mut value = walk.read(of, value).map_err(|error| Unfit::Shape(error.to_string()))?;
    let warnings = settle(walk, validation)?;
    schema::normalise(&mut value, of);
    Ok((value, warnings))
}

/// The warnings of a walk, or why it is refused.
fn settle(mut walk: Walk, validation: FieldValidation) -> Result<Vec<String>, Unfit> {
    if let Some(fault) = walk.fault() {
        return Err(Unfit::Shape(fault));
    }
    match validation {
        FieldValidation::Ignore => Ok(Vec::new()),
        FieldValidation::Warn => Ok(walk.yaml.into_iter().chain(walk.strict).collect()),
        FieldValidation::Strict => {
            let mut errors = walk.strict;
            if !walk.yaml.is_empty() {
                errors.insert(0, format!("yaml: unmarshal errors:\n  {}", walk.yaml.join("\n  ")));
            }
            if errors.is_empty() { Ok(Vec::new()) } else { Err(Unfit::Strict(errors)) }
        }
    }
}

fn body<'a>(bytes: &'a [u8], content_type: &str) -> Result<Body<'a>, DecodeError> {
    let media = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    match media.as_str() {
        "" | "*/*" | "application/json" => Ok(Body::Json(bytes)),
        "application/yaml" | "application/apply-patch+yaml" => match std::str::from_utf8(bytes) {
            Ok(text) => Ok(Body::Yaml(text)),
            Err(_) => Err(DecodeError::unrecognized(None, "yaml: invalid leading UTF-8 octet".into(), bytes)),
        },
        "application/vnd.kubernetes.protobuf" => Ok(Body::Protobuf(bytes)),
        _ => Err(DecodeError::UnsupportedMediaType),
    }
}

fn json_meta(bytes: &[u8]) -> Result<TypeMeta, String> {
    let said = |why: String| format!("couldn't get version/kind; json parse error: {why}");
    let value: Value = serde_json::from_slice(bytes).map_err(|error| said(words::json_fault(&error, bytes)))?;
    let of = "struct { APIVersion string \"json:\\\"apiVersion,omitempty\\\"\"; Kind string \"json:\\\"kind,omitempty\\\"\" }";
    let found = words::found(&value);
    let Value::Object(map) = &value else {
        return match value {
            Value::Null => Ok(TypeMeta::default()),
            _ => Err(said(format!("json: cannot unmarshal {found} into Go value of type {of}"))),
        };
    };
    let text = |key: &str| match map.get(key) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.clone())),
        Some(other) => {
            let found = words::found(other);
            Err(said(format!("json: cannot unmarshal {found} into Go struct field .{key} of type string")))
        }
    };
    Ok(TypeMeta { api_version: text("apiVersion")?, kind: text("kind")? })
}

fn yaml_meta(text: &str) -> Result<TypeMeta, String> {
    let value = yaml_tree(text)?;
    let word = |key: &str| value.get(key).and_then(Value::as_str).map(String::from);
    Ok(TypeMeta { api_version: word("apiVersion"), kind: word("kind") })
}

/// YAML as kubectl and the API server read it: YAML 1.1 booleans and octals; repeated keys reach the walk.
fn yaml_options() -> serde_yaml::Options {
    serde_yaml::options! {
        legacy_octal_numbers: true,
        duplicate_keys: DuplicateKeyPolicy::PassThrough,
        with_snippet: false,
    }
}

fn yaml_fault(error: &serde_yaml::Error) -> String {
    let said = error.to_string();
    let said = said.lines().next().unwrap_or_default();
    match error.location() {
        Some(location) => format!("yaml: line {}: {said}", location.line()),
        None => format!("yaml: {said}"),
    }
}

/// What the body says it is, completed by what the endpoint expects.
fn effective(meta: TypeMeta, expected: Option<(&str, &str)>) -> (String, String) {
    let (expected_version, expected_kind) = expected.unwrap_or_default();
    let or = |given: Option<String>, otherwise: &str| {
        given.filter(|text| !text.is_empty()).unwrap_or_else(|| otherwise.to_string())
    };
    (or(meta.api_version, expected_version), or(meta.kind, expected_kind))
}

/// The built-in type of the body, when it is one and is the expected one.
fn resolve(api_version: &str, kind: &str, expected: Option<(&str, &str)>) -> Result<Option<Type>, DecodeError> {
    // The one old version that is still read where the new one is: evictions are the same in both.
    let old = (api_version, kind) == ("policy/v1beta1", "Eviction");
    let api_version = if old { "policy/v1" } else { api_version };
    let of = schema::of(api_version, kind);
    let Some((expected_version, expected_kind)) = expected else { return Ok(of) };
    let wanted = schema::of(expected_version, expected_kind);
    if of.is_some() && of == wanted || (api_version, kind) == (expected_version, expected_kind) {
        return Ok(of);
    }
    Err(match of {
        _ if wanted.is_none() || of.is_some() && kind == expected_kind => {
            DecodeError::OtherVersion { found: api_version.into(), expected: expected_version.into() }
        }
        Some(of) => {
            let internal = expected_version.split_once('/').map_or("core", |(group, _)| group);
            let internal = internal.split('.').next().unwrap_or(internal);
            let why = format!("converting ({}) to ({internal}.{expected_kind}): unknown conversion", of.go_name());
            DecodeError::unhandled((api_version, kind), expected, why)
        }
        None => {
            let why = format!(
                "no kind \"{kind}\" is registered for version \"{api_version}\" in scheme \"pkg/runtime/scheme.go:111\""
            );
            DecodeError::unhandled((api_version, kind), expected, why)
        }
    })
}
