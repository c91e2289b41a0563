//! The query of a URL, and what its parameters ask for.
//! What is done with them is the endpoints'.

use std::num::IntErrorKind;
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

/// The parameter that most rules are about.
const MATCHING: &str = "resourceVersionMatch";
/// So many bytes may the name of a field manager have.
const LONGEST_MANAGER: usize = 128;

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

    /// Whether a parameter is true: whatever it says but no (`k8s.io/apimachinery/pkg/runtime/conversion.go`, Convert_Slice_string_To_bool).
    pub fn is(&self, name: &str) -> bool {
        self.has(name) && self.get(name) != "0" && !self.get(name).eq_ignore_ascii_case("false")
    }

    /// A number; `None` where none is given.
    pub fn integer(&self, name: &str) -> Result<Option<i64>> {
        let text = self.get(name);
        if text.is_empty() {
            return Ok(None);
        }
        text.parse::<i64>().map(Some).map_err(|error| {
            let why = match error.kind() {
                IntErrorKind::PosOverflow | IntErrorKind::NegOverflow => "value out of range",
                _ => "invalid syntax",
            };
            Status::bad_request(format!("strconv.ParseInt: parsing {text:?}: {why}"))
        })
    }

    /// A number that counts for nothing below zero.
    fn number(&self, name: &str) -> Result<u64> {
        Ok(self.integer(name)?.and_then(|number| u64::try_from(number).ok()).unwrap_or_default())
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
        let bytes = LENIENT
            .decode(text)
            .map_err(|_| broken(&format!("illegal base64 data at input byte {}", illegal_byte(text))))?;
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
    pub fn field_validation(&self, errors: &mut ErrorList) -> FieldValidation {
        let asked = self.get("fieldValidation");
        FieldValidation::of(asked).unwrap_or_else(|| {
            errors.not_supported("fieldValidation", asked, &["", "Ignore", "Strict", "Warn"]);
            FieldValidation::default()
        })
    }

    /// `fieldManager`; empty where none is named (`k8s.io/apimachinery/pkg/apis/meta/v1/validation`, ValidateFieldManager).
    pub fn field_manager(&self, errors: &mut ErrorList) -> &str {
        let named = self.get("fieldManager");
        if named.len() > LONGEST_MANAGER {
            errors.too_long("fieldManager", LONGEST_MANAGER);
        }
        for (at, letter) in named.char_indices().filter(|(_, c)| *c != ' ' && (c.is_control() || c.is_whitespace())) {
            let code = u32::from(letter);
            errors.invalid("fieldManager", named, format!("invalid character U+{code:04X} (at position {at})"));
        }
        named
    }

    /// `dryRun=All`.
    pub fn dry_run(&self, errors: &mut ErrorList) -> bool {
        let asked = self.all("dryRun");
        if asked.iter().all(String::is_empty) {
            return false;
        }
        if asked.iter().any(|one| one != "All") {
            errors.not_supported("dryRun", json!(asked), &["All"]);
        }
        true
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
                let why = format!("Invalid value: {text:?}: strconv.ParseUint: parsing {text:?}: invalid syntax");
                Status::unclassified(500, format!("resourceVersion: {why}"))
            }),
        }
    }

    /// Checks `resourceVersionMatch` and what goes with it (`pkg/apis/meta/internalversion/validation`). True when the client wants the
    /// objects there are first, and a bookmark after them.
    pub fn initial_events(&self, watch: bool) -> Result<bool> {
        let mut errors = ErrorList::default();
        if watch {
            self.check_watch(&mut errors);
        } else {
            self.check_list(&mut errors);
        }
        if errors.is_empty() {
            Ok(self.get("sendInitialEvents") == "true")
        } else {
            Err(Status::invalid("meta.k8s.io", "ListOptions", "", errors))
        }
    }

    fn check_list(&self, errors: &mut ErrorList) {
        let (version, matching) = (self.get("resourceVersion"), self.get("resourceVersionMatch"));
        let mut refuse = |why: &str| errors.forbidden(MATCHING, format!("resourceVersionMatch {why}"));
        if !matching.is_empty() {
            if version.is_empty() {
                refuse("is forbidden unless resourceVersion is provided");
            }
            if !self.get("continue").is_empty() {
                refuse("is forbidden when continue is provided");
            }
            if matching == "Exact" && version == "0" {
                refuse("\"exact\" is forbidden for resourceVersion \"0\"");
            }
            if !matches!(matching, "Exact" | "NotOlderThan") {
                errors.not_supported(MATCHING, matching, &["Exact", "NotOlderThan", ""]);
            }
        }
        if self.has("sendInitialEvents") {
            errors.forbidden("sendInitialEvents", "sendInitialEvents is forbidden for list");
        }
    }

    fn check_watch(&self, errors: &mut ErrorList) {
        let (matching, initial) = (self.get("resourceVersionMatch"), self.has("sendInitialEvents"));
        if initial && matching != "NotOlderThan" {
            errors.forbidden(MATCHING, "sendInitialEvents requires setting resourceVersionMatch to NotOlderThan");
        }
        if matching.is_empty() {
            return;
        }
        if !initial {
            let why = "resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided";
            errors.forbidden(MATCHING, why);
        }
        if matching != "NotOlderThan" {
            errors.not_supported(MATCHING, matching, &["NotOlderThan"]);
        }
        if !self.get("continue").is_empty() {
            errors.forbidden(MATCHING, "resourceVersionMatch is forbidden when continue is provided");
        }
    }
}

/// Where Go stops at what is no base64: the first letter that is none, or a last one that stands alone.
fn illegal_byte(text: &str) -> usize {
    let letter = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    text.bytes().position(|byte| !letter(byte)).unwrap_or_else(|| text.len().saturating_sub(1))
}

/// The token with which the next page is asked for.
pub fn continue_token(last: &Continuation) -> String {
    let revision = last.revision.and_then(|revision| i64::try_from(revision).ok()).unwrap_or(-1);
    let (namespace, name) = (&last.namespace, &last.name);
    let token =
        json!({ "v": "meta.k8s.io/v1", "rv": revision, "namespace": namespace, "name": name, "began": last.began });
    URL_SAFE_NO_PAD.encode(token.to_string())
}
