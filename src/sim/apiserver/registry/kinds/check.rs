//! Checks that many kinds share: numbers, ports, names, percentages, addresses, label selectors.
//! Source: `k8s.io/apimachinery/pkg/util/validation/validation.go` and `pkg/apis/core/validation/validation.go`.

use std::net::IpAddr;

use serde_json::Value;

use super::at::At;
use crate::sim::apiserver::field::ErrorList;
use crate::sim::apiserver::registry::names;

/// Wording for a number that may not be below zero.
pub const NOT_NEGATIVE: &str = "must be greater than or equal to 0";
const PORT_RANGE: &str = "must be between 1 and 65535, inclusive";
/// Wording for what is no CIDR.
pub const CIDR: &str = "must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)";
const IP: &str = "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)";
const PERCENT: &str = "a valid percent string must be a numeric string followed by an ending '%' (e.g. '1%',  or '93%', regex used for validation is '[0-9]+%')";

/// The number here, if any, is not below zero.
pub fn not_negative(at: At<'_, '_>, errors: &mut ErrorList) {
    if at.count() < 0 {
        at.invalid(NOT_NEGATIVE, errors);
    }
}

/// None of these numbers of a part is below zero.
pub fn none_negative(part: At<'_, '_>, names: &[&str], errors: &mut ErrorList) {
    for name in names {
        not_negative(part.key(name), errors);
    }
}

/// A port's number.
pub fn port_number(at: At<'_, '_>, errors: &mut ErrorList) {
    if !(1..=65_535).contains(&at.count()) {
        errors.invalid(at.path(), at.count(), PORT_RANGE);
    }
}

/// What is wrong with a port's name.
pub fn port_name(name: &str) -> Vec<String> {
    let mut wrong = Vec::new();
    if name.len() > 15 {
        wrong.push("must be no more than 15 characters".to_owned());
    }
    if name.is_empty() || !name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-') {
        wrong.push("must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)".to_owned());
    }
    if !name.contains(|c: char| c.is_ascii_lowercase()) {
        wrong.push("must contain at least one letter (a-z)".to_owned());
    }
    if name.contains("--") {
        wrong.push("must not contain consecutive hyphens".to_owned());
    }
    if name.starts_with('-') || name.ends_with('-') {
        wrong.push("must not begin or end with a hyphen".to_owned());
    }
    wrong
}

/// A port by number or name.
pub fn port(at: At<'_, '_>, errors: &mut ErrorList) {
    match at.value() {
        Value::String(name) => at.invalid_each(port_name(name), errors),
        _ => port_number(at, errors),
    }
}

/// A DNS label such as a container's name.
pub fn dns_label(at: At<'_, '_>, errors: &mut ErrorList) {
    at.invalid_each(names::dns_label(at.text()), errors);
}

/// A DNS subdomain such as most objects' names.
pub fn subdomain(at: At<'_, '_>, errors: &mut ErrorList) {
    at.invalid_each(names::subdomain(at.text()), errors);
}

/// The name of a CSI driver, in which capitals are let through (`pkg/apis/core/validation/validation.go`, ValidateCSIDriverName).
pub fn csi_driver(at: At<'_, '_>, errors: &mut ErrorList) {
    if at.is_empty() {
        return at.required(errors);
    }
    if at.text().len() > 63 {
        errors.too_long(at.path(), 63);
    }
    at.invalid_each(names::subdomain(&at.text().to_lowercase()), errors);
}

/// A qualified name such as a label's key.
pub fn qualified(at: At<'_, '_>, errors: &mut ErrorList) {
    at.invalid_each(names::qualified(at.text()), errors);
}

/// The keys and values of a map of labels.
pub fn labels(at: At<'_, '_>, errors: &mut ErrorList) {
    names::labels(Some(at.value()), &at.path(), errors);
}

/// An IP address; zeros before its numbers are let through, as Go did before 1.17.
pub fn ip(at: At<'_, '_>, errors: &mut ErrorList) {
    if sloppy_ip(at.text()).is_none() {
        at.invalid_text(IP, errors);
    }
}

/// An address in which numbers may begin with zeros (`ParseIPSloppy` of `k8s.io/utils/net`).
pub fn sloppy_ip(text: &str) -> Option<IpAddr> {
    let plain = |number: &str| match number.trim_start_matches('0') {
        "" if !number.is_empty() => "0".to_owned(),
        rest => rest.to_owned(),
    };
    let numbers: Vec<String> = text.split('.').map(plain).collect();
    text.parse().ok().or_else(|| numbers.join(".").parse().ok())
}

/// What is told of an address that is not written as it should be.
pub fn odd_ip(at: At<'_, '_>) -> Option<String> {
    let (text, found) = (at.text(), sloppy_ip(at.text())?);
    let mapped = matches!(found, IpAddr::V6(six) if six.to_ipv4_mapped().is_some());
    if text.parse::<IpAddr>().is_err() || mapped {
        let found = found.to_canonical();
        let why = "will be considered invalid in a future Kubernetes release";
        return Some(format!("{}: non-standard IP address {text:?} {why}: use \"{found}\"", at.path()));
    }
    let why = "should be in RFC 5952 canonical format";
    let odd = found.is_ipv6() && found.to_string() != text;
    odd.then(|| format!("{}: IPv6 address {text:?} {why} (\"{found}\")", at.path()))
}

/// An address that something can be reached at from elsewhere.
pub fn endpoint_ip(at: At<'_, '_>, errors: &mut ErrorList) {
    let text = at.text();
    let Ok(ip) = text.parse::<IpAddr>() else { return at.invalid_text("must be a valid IP address", errors) };
    let (near, nearby_many) = match ip {
        IpAddr::V4(four) => (four.is_link_local(), four.octets()[..3] == [224, 0, 0]),
        IpAddr::V6(six) => (six.is_unicast_link_local(), six.segments()[0] & 0xff0f == 0xff02),
    };
    if ip.is_unspecified() {
        at.invalid_text(format!("may not be unspecified ({text})"), errors);
    }
    if ip.is_loopback() {
        at.invalid_text("may not be in the loopback range (127.0.0.0/8, ::1/128)", errors);
    }
    if near {
        at.invalid_text("may not be in the link-local range (169.254.0.0/16, fe80::/10)", errors);
    }
    if nearby_many {
        at.invalid_text("may not be in the link-local multicast range (224.0.0.0/24, ff02::/10)", errors);
    }
}

/// A CIDR as its address and the length of its prefix.
pub fn parse_cidr(text: &str) -> Option<(IpAddr, u8)> {
    let (address, length) = text.split_once('/')?;
    let (address, length) = (address.parse::<IpAddr>().ok()?, length.parse::<u8>().ok()?);
    let longest = if address.is_ipv4() { 32 } else { 128 };
    (length <= longest).then_some((address, length))
}

/// A CIDR such as `10.0.0.0/8`.
pub fn cidr(at: At<'_, '_>, errors: &mut ErrorList) {
    if parse_cidr(at.text()).is_none() {
        at.invalid_text(CIDR, errors);
    }
}

/// A number that is not below zero, or a percentage.
pub fn count_or_percent(at: At<'_, '_>, errors: &mut ErrorList) {
    match at.value() {
        Value::String(text) if percent(text).is_none() => at.invalid(PERCENT, errors),
        Value::String(_) => {}
        _ => not_negative(at, errors),
    }
}

/// A percentage above 100.
pub fn not_above_all(at: At<'_, '_>, errors: &mut ErrorList) {
    if percent(at.text()).is_some_and(|percent| percent > 100) {
        at.invalid("must not be greater than 100%", errors);
    }
}

/// The number before the `%`.
pub fn percent(text: &str) -> Option<i64> {
    let digits = text.strip_suffix('%')?;
    digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| digits.parse().ok()).flatten()
}

/// The number of `n` or `n%`; 0 where neither stands.
pub fn plain(at: At<'_, '_>) -> i64 {
    at.number().or_else(|| percent(at.text())).unwrap_or_default()
}

/// A label selector in the object form.
pub fn selector(at: At<'_, '_>, errors: &mut ErrorList) {
    labels(at.key("matchLabels"), errors);
    let expressions = at.key("matchExpressions");
    for expression in expressions.items() {
        let values = expression.key("values");
        let operator = expression.key("operator");
        match operator.text() {
            "In" | "NotIn" if values.list().is_empty() => {
                values.required_because("must be specified when `operator` is 'In' or 'NotIn'", errors);
            }
            "Exists" | "DoesNotExist" if !values.list().is_empty() => {
                values.forbidden("may not be specified when `operator` is 'Exists' or 'DoesNotExist'", errors);
            }
            "In" | "NotIn" | "Exists" | "DoesNotExist" => {}
            _ => operator.invalid_text("not a valid selector operator", errors),
        }
        qualified(expression.key("key"), errors);
        for value in values.items() {
            value.invalid_each(names::label_value(value.text()), errors);
        }
    }
}

/// A path that stays below where it starts.
pub fn stays_below(at: At<'_, '_>, errors: &mut ErrorList) {
    if at.text().starts_with('/') {
        at.invalid_text("must be a relative path", errors);
    }
    climbs(at, errors);
}

/// A path without `..`.
pub fn climbs(at: At<'_, '_>, errors: &mut ErrorList) {
    if at.text().split('/').any(|step| step == "..") {
        at.invalid_text("must not contain '..'", errors);
    }
}

/// What is told of a CIDR whose address is inside the network rather than its first: both readings of it.
pub fn ambiguous_cidr(at: At<'_, '_>) -> Option<String> {
    let (address, length) = parse_cidr(at.text())?;
    let (first, whole) = match address {
        IpAddr::V4(four) => {
            let mask = u32::MAX.checked_shl(32 - u32::from(length)).unwrap_or_default();
            (IpAddr::V4((u32::from(four) & mask).into()), 32)
        }
        IpAddr::V6(six) => {
            let mask = u128::MAX.checked_shl(128 - u32::from(length)).unwrap_or_default();
            (IpAddr::V6((u128::from(six) & mask).into()), 128)
        }
    };
    let (path, text) = (at.path(), at.text());
    let why = format!("is ambiguous in this context (should be \"{first}/{length}\" or \"{address}/{whole}\"?)");
    (first != address).then(|| format!("{path}: CIDR value {text:?} {why}"))
}
