//! Why a body could not be read, in Kubernetes' words, with the HTTP code and Status reason that go with it.
//! Which fault is found where is `read` and `walk`.

use crate::sim::apiserver::status::Status;
use thiserror::Error;

/// Why a request's body could not be read. [`Display`](std::fmt::Display) is the Status message.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum DecodeError {
    /// The content type is none we read.
    #[error(
        "the body of the request was in an unknown format - accepted media types include: application/json, application/yaml, application/vnd.kubernetes.protobuf"
    )]
    UnsupportedMediaType,
    /// Not a document, or none with a kind.
    #[error("the object provided is unrecognized{}: {why} ({summary})", must(expected))]
    Unrecognized { expected: Option<String>, why: String, summary: String },
    /// A document of a kind, but not one that fits it or the endpoint.
    #[error("{kind} in version \"{version}\" cannot be handled as a {expected}: {why}")]
    Unhandled { kind: String, version: String, expected: String, why: String },
    /// The right kind of another API version.
    #[error("the API version in the data ({found}) does not match the expected API version ({expected})")]
    OtherVersion { found: String, expected: String },
}

impl DecodeError {
    /// The HTTP status code.
    pub fn code(&self) -> u16 {
        match self {
            Self::UnsupportedMediaType => 415,
            _ => 400,
        }
    }

    /// The Status reason.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::UnsupportedMediaType => "UnsupportedMediaType",
            _ => "BadRequest",
        }
    }

    /// The innermost reason, as endpoints that do not name the kind (DELETE) show it.
    pub fn why(&self) -> String {
        match self {
            Self::Unrecognized { why, .. } | Self::Unhandled { why, .. } => why.clone(),
            other => other.to_string(),
        }
    }

    pub(super) fn unrecognized(expected: Option<(&str, &str)>, why: String, body: &[u8]) -> Self {
        Self::Unrecognized { expected: expected.map(|(_, kind)| kind.to_string()), why, summary: summary(body) }
    }

    pub(super) fn unhandled((api_version, kind): (&str, &str), expected: Option<(&str, &str)>, why: String) -> Self {
        let version = api_version.rsplit('/').next().unwrap_or_default();
        let expected = expected.map_or(kind, |(_, kind)| kind);
        Self::Unhandled { kind: kind.into(), version: version.into(), expected: expected.into(), why }
    }
}

impl From<DecodeError> for Status {
    fn from(error: DecodeError) -> Self {
        let mut status = Self::bad_request(error.to_string());
        status.code = error.code();
        status.reason = error.reason();
        status
    }
}

/// Why a tree is no object of its type.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Unfit {
    /// A value of another shape, in Go's words.
    #[error("{0}")]
    Shape(String),
    /// Unknown or duplicate fields, under `fieldValidation=Strict`.
    #[error("strict decoding error: {}", .0.join(", "))]
    Strict(Vec<String>),
}

fn must(expected: &Option<String>) -> String {
    expected.as_ref().map(|kind| format!(" (must be of type {kind})")).unwrap_or_default()
}

/// The first thirty bytes, as text when they look like JSON (apiserver's `summarizeData`).
fn summary(body: &[u8]) -> String {
    let shown = &body[..body.len().min(30)];
    let dots = if body.len() > 30 { " ..." } else { "" };
    match body.first() {
        None => "<empty>".into(),
        Some(b'{') => format!("{}{dots}", String::from_utf8_lossy(shown)),
        Some(_) => format!("{}{dots}", shown.iter().map(|byte| format!("{byte:02x}")).collect::<String>()),
    }
}
