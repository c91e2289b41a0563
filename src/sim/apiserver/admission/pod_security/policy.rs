//! What the labels of a namespace ask for: a level and a version for enforcing and for warning.
//! Source: `k8s.io/pod-security-admission/api/helpers.go`, PolicyToEvaluate.

use serde_json::Value;

use crate::object::meta;
use crate::sim::apiserver::field::ErrorList;

const PREFIX: &str = "pod-security.kubernetes.io/";

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    Privileged,
    Baseline,
    Restricted,
}

/// A level of one version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LevelVersion {
    pub level: Level,
    /// The minor version; none is the latest.
    pub minor: Option<u32>,
}

const OPEN: LevelVersion = LevelVersion { level: Level::Privileged, minor: None };

/// What is refused and what is told. Auditing leaves no trace here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Policy {
    pub enforce: LevelVersion,
    pub warn: LevelVersion,
}

impl std::fmt::Display for LevelVersion {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let level = match self.level {
            Level::Privileged => "privileged",
            Level::Baseline => "baseline",
            Level::Restricted => "restricted",
        };
        match self.minor {
            Some(minor) => write!(f, "{level}:v1.{minor}"),
            None => write!(f, "{level}:latest"),
        }
    }
}

/// The policy of a namespace, and what is wrong with its labels.
pub fn of(namespace: &Value) -> (Policy, ErrorList) {
    let mut errors = ErrorList::default();
    let enforce_level = level(namespace, "enforce", &mut errors);
    let enforce_version = version(namespace, "enforce", &mut errors);
    level(namespace, "audit", &mut errors);
    version(namespace, "audit", &mut errors);
    let warn_level = level(namespace, "warn", &mut errors);
    let warn_version = version(namespace, "warn", &mut errors);
    let enforce = LevelVersion {
        // What cannot be read is taken as the strictest.
        level: enforce_level.map_or(OPEN.level, |level| level.unwrap_or(Level::Restricted)),
        minor: enforce_version.flatten(),
    };
    let mut warn = LevelVersion { level: warn_level.flatten().unwrap_or(OPEN.level), minor: warn_version.flatten() };
    let well_enforced = enforce_level.flatten().is_some();
    if warn_level.is_none() && well_enforced && enforce.level > warn.level {
        warn.level = enforce.level;
        if warn_version.is_none() {
            warn.minor = enforce.minor;
        }
    }
    (Policy { enforce, warn }, errors)
}

/// The level of a mode: none where there is no label, an inner none where it says nothing known.
fn level(namespace: &Value, mode: &str, errors: &mut ErrorList) -> Option<Option<Level>> {
    let key = format!("{PREFIX}{mode}");
    let text = meta::label(namespace, &key)?;
    let level = match text {
        "privileged" => Some(Level::Privileged),
        "baseline" => Some(Level::Baseline),
        "restricted" => Some(Level::Restricted),
        _ => None,
    };
    if level.is_none() {
        errors.invalid(format!("metadata.labels[{key}]"), text, "must be one of privileged, baseline, restricted");
    }
    Some(level)
}

/// The version of a mode, in the same shape; the inner none is the latest.
fn version(namespace: &Value, mode: &str, errors: &mut ErrorList) -> Option<Option<u32>> {
    let key = format!("{PREFIX}{mode}-version");
    let text = meta::label(namespace, &key)?;
    let minor = text.strip_prefix("v1.").filter(|minor| *minor == "0" || !minor.starts_with('0'));
    let minor = minor.filter(|minor| minor.bytes().all(|byte| byte.is_ascii_digit()));
    let minor = minor.and_then(|minor| minor.parse().ok());
    if minor.is_none() && text != "latest" {
        errors.invalid(format!("metadata.labels[{key}]"), text, "must be \"latest\" or \"v1.x\"");
    }
    Some(minor)
}
