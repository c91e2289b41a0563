//! The query of a URL, and what its parameters ask for.
//! What is done with them is the endpoints'.

use std::time::Duration;

use base64::Engine;
use base64::alphabet::URL_SAFE;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig, URL_SAFE_NO_PAD};
use serde_json::{Value, json};

use crate::object::meta;
use crate::object::selector::{FieldSelector, LabelSelector};
use crate::sim::apiserver::endpoints::{Continuation, FieldValidation, ListOptions};
use crate::sim::apiserver::field::ErrorList;
use crate::sim::apiserver::status::{Result, Status};

/// Decodes as Go does: without padding, and whatever the last bits are.
const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &URL_SAFE,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::RequireNone)
        .with_decode_allow_trailing_bits(true),
);

/// The parameters of a URL, in order; a name may come more than once.
#[derive(Clone, Debug, Default)]
pub struct Query(Vec<(String, String)>);

impl Query {
    /// Takes a raw query apart.
    pub fn parse(raw: &str) -> Self {
        let decode = |text: &str| {
            let spaced = text.replace('+', " ");
            percent_encoding::percent_decode_str(&spaced).decode_utf8_lossy().into_owned()
        };
        let pairs = raw.split('&').filter(|pair| !pair.is_empty());
        Self(
            pairs
                .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
                .map(|(name, value)| (decode(name), decode(value)))
                .collect(),
        )
    }

    /// The whole as a URL has it, without the question mark.
    pub fn raw(&self) -> String {
        let coded =
            |text: &str| percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC).to_string();
        self.0.iter().map(|(name, value)| format!("{}={}", coded(name), coded(value))).collect::<Vec<_>>().join("&")
    }

    /// The first value of a parameter; empty when it is not there.
    pub fn get(&self, name: &str) -> &str {
        self.0.iter().find(|(found, _)| found == name).map_or("", |(_, value)| value)
    }

    /// Every value of a parameter.
    pub fn all(&self, name: &str) -> Vec<String> {
        self.0.iter().filter(|(found, _)| found == name).map(|(_, value)| value.clone()).collect()
    }

    /// Whether a parameter is there at all.
    pub fn has(&self, name: &str) -> bool {
        self.0.iter().any(|(found, _)| found == name)
    }

    /// Whether a parameter is set to something true.
    pub fn is(&self, name: &str) -> bool {
        matches!(self.get(name), "true" | "1")
    }

    fn number(&self, name: &str) -> Result<u64> {
        match self.get(name) {
            "" => Ok(0),
            text if text.strip_prefix('-').is_some_and(|digits| digits.parse::<u64>().is_ok()) => Ok(0),
            text => text
                .parse()
                .map_err(|_| Status::bad_request(format!("strconv.ParseInt: parsing {text:?}: invalid syntax"))),
        }
    }

    /// Selectors and paging.
    pub fn list_options(&self) -> Result<ListOptions> {
        let labels = match self.get("labelSelector") {
            "" => None,
            text => Some(LabelSelector::parse(text).map_err(|error| Status::bad_request(error.to_string()))?),
        };
        let fields = match self.get("fieldSelector") {
            "" => None,
            text => Some(FieldSelector::parse(text).map_err(|error| Status::bad_request(error.to_string()))?),
        };
        self.number("timeoutSeconds")?;
        let limit = usize::try_from(self.number("limit")?).unwrap_or(usize::MAX);
        let exact = self.get("resourceVersionMatch") == "Exact";
        let exactly = if exact { self.resource_version()? } else { None };
        Ok(ListOptions { labels, fields, limit, continue_from: self.continuation()?, exactly })
    }

    fn continuation(&self) -> Result<Option<Continuation>> {
        let text = self.get("continue");
        if text.is_empty() {
            return Ok(None);
        }
        let broken =
            |why: &str| Status::bad_request(format!("invalid continue token: continue key is not valid: {why}"));
        let bytes = LENIENT.decode(text).map_err(|_| broken("illegal base64 data at input byte 0"))?;
        let first = char::from(bytes.first().copied().unwrap_or_default());
        let unread = format!("invalid character '{first}' looking for beginning of value");
        let token: Value = serde_json::from_slice(&bytes).map_err(|_| broken(&unread))?;
        let revision = token["rv"].as_i64().ok_or_else(|| broken("incorrect encoded start resourceVersion"))?;
        if !self.get("resourceVersion").is_empty() && self.get("resourceVersion") != "0" {
            let why = "specifying resource version is not allowed when using continue";
            return Err(Status::bad_request(why));
        }
        Ok(Some(Continuation {
            // Below zero it means whatever there is.
            revision: u64::try_from(revision).ok(),
            began: meta::number(&token, "/began").unwrap_or_default(),
            namespace: meta::text(&token, "/namespace").to_owned(),
            name: meta::text(&token, "/name").to_owned(),
        }))
    }

    /// `fieldValidation`.
    pub fn field_validation(&self) -> Result<FieldValidation> {
        match self.get("fieldValidation") {
            "" | "Warn" => Ok(FieldValidation::Warn),
            "Strict" => Ok(FieldValidation::Strict),
            "Ignore" => Ok(FieldValidation::Ignore),
            other => Err(invalid_option("fieldValidation", other, &["Ignore", "Strict", "Warn"])),
        }
    }

    /// `dryRun=All`; `kind` is that of the verb's options.
    pub fn dry_run(&self, kind: &str) -> Result<bool> {
        let asked = self.all("dryRun");
        if asked.iter().all(String::is_empty) {
            return Ok(false);
        }
        if asked.iter().all(|one| one == "All") {
            return Ok(true);
        }
        let mut errors = ErrorList::default();
        errors.not_supported("dryRun", json!(asked), &["All"]);
        Err(Status::invalid("meta.k8s.io", kind, "", errors))
    }

    /// `timeoutSeconds` of a watch.
    pub fn timeout(&self) -> Result<Option<Duration>> {
        Ok(Some(self.number("timeoutSeconds")?).filter(|seconds| *seconds > 0).map(Duration::from_secs))
    }

    /// `resourceVersion`: `None` when unset; 0 means any.
    pub fn resource_version(&self) -> Result<Option<u64>> {
        match self.get("resourceVersion") {
            "" => Ok(None),
            text => text.parse().map(Some).map_err(|_| {
                Status::bad_request(format!(
                    "invalid resource version: resourceVersion: Invalid value: {text:?}: strconv.ParseUint: parsing {text:?}: invalid syntax"
                ))
            }),
        }
    }

    /// Checks `resourceVersionMatch` and what goes with it (`pkg/apis/meta/internalversion/validation`). True when the client wants the
    /// objects there are first, and a bookmark after them.
    pub fn initial_events(&self, watch: bool) -> Result<bool> {
        let mut errors = ErrorList::default();
        let (version, matching, initial) =
            (self.get("resourceVersion"), self.get("resourceVersionMatch"), self.get("sendInitialEvents"));
        if !watch && !initial.is_empty() {
            errors.forbidden("sendInitialEvents", "sendInitialEvents is forbidden for list");
        }
        if !initial.is_empty() && matching != "NotOlderThan" {
            errors.forbidden(
                "resourceVersionMatch",
                "sendInitialEvents requires setting resourceVersionMatch to NotOlderThan",
            );
        } else if !matching.is_empty() && initial.is_empty() {
            if watch {
                errors.forbidden(
                    "resourceVersionMatch",
                    "resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided",
                );
            } else if version.is_empty() {
                errors.forbidden(
                    "resourceVersionMatch",
                    "resourceVersionMatch is forbidden unless resourceVersion is provided",
                );
            } else if !matches!(matching, "Exact" | "NotOlderThan") {
                errors.not_supported("resourceVersionMatch", matching, &["Exact", "NotOlderThan", ""]);
            } else if matching == "Exact" && version == "0" {
                errors.forbidden(
                    "resourceVersionMatch",
                    "resourceVersionMatch \"exact\" is forbidden for resourceVersion \"0\"",
                );
            }
        }
        if errors.is_empty() {
            Ok(initial == "true")
        } else {
            Err(Status::invalid("meta.k8s.io", "ListOptions", "", errors))
        }
    }
}

fn invalid_option(name: &str, value: &str, supported: &[&str]) -> Status {
    let mut errors = crate::sim::apiserver::field::ErrorList::default();
    errors.not_supported(name, value, supported);
    Status::invalid("meta.k8s.io", "CreateOptions", "", errors)
}

/// The token with which the next page is asked for.
pub fn continue_token(last: &Continuation) -> String {
    let revision = last.revision.and_then(|revision| i64::try_from(revision).ok()).unwrap_or(-1);
    let (namespace, name) = (&last.namespace, &last.name);
    let token =
        json!({ "v": "meta.k8s.io/v1", "rv": revision, "namespace": namespace, "name": name, "began": last.began });
    URL_SAFE_NO_PAD.encode(token.to_string())
}
