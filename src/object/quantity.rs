//! Resource quantities (`500m`, `1Gi`, `1e3`): parse, compare by value, compute, and write in Kubernetes' canonical form.
//! Which fields hold quantities is the schema's business, not this file's.
//! Rules and quirks are those of k8s.io/apimachinery `pkg/api/resource/quantity.go`.

use std::cmp::Ordering;
use std::fmt;
use std::ops::{Add, AddAssign, Neg, Sub, SubAssign};
use std::str::FromStr;

use serde_json::Value;

const NANO: i128 = 1_000_000_000;
/// The largest value a quantity with a binary suffix may hold; larger ones are capped (quantity.go, `maxAllowed`).
const BINARY_CAP: i128 = i64::MAX as i128 * NANO;
/// Mantissas longer than this cannot be told apart from overflow in 128 bits.
const MAX_DIGITS: usize = 28;

/// A parsed quantity: a count of nano-units, and the family of suffixes it is written with.
///
/// Equality and order are by value: `1Gi == 1024Mi`, `0.5 == 500m`. The range is that of `i128` nano-units; what is
/// more precise than a nano-unit is rounded up, away from zero, as Kubernetes does.
#[derive(Clone, Copy, Debug)]
pub struct Quantity {
    nano: i128,
    format: Format,
}

/// The family of suffixes a quantity is written with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// `12Mi`
    BinarySi,
    /// `12M`, `500m`
    DecimalSi,
    /// `12e6`
    DecimalExponent,
}

/// Why a text is not a quantity; the texts are Kubernetes' own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum QuantityError {
    /// Not a number followed by a suffix.
    #[error("quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'")]
    Format,
    /// The number is not one, or is beyond what we can count.
    #[error("unable to parse numeric part of quantity")]
    Numeric,
    /// The suffix is none of Kubernetes'.
    #[error("unable to parse quantity's suffix")]
    Suffix,
}

/// The text of a quantity, taken apart.
struct Parts<'a> {
    negative: bool,
    /// Digits before the point, leading zeros stripped, at least `0`.
    whole: &'a str,
    /// Digits after the point.
    fraction: &'a str,
    suffix: &'a str,
}

impl Quantity {
    /// Nothing at all.
    pub const ZERO: Quantity = Quantity { nano: 0, format: Format::DecimalSi };

    /// Reads a quantity as the API server would.
    pub fn parse(text: &str) -> Result<Quantity, QuantityError> {
        Ok(parse(text)?.0)
    }

    /// Reads the JSON form: a string, or a bare number. Anything else is a format error.
    pub fn of(value: &Value) -> Result<Quantity, QuantityError> {
        match value {
            Value::String(text) => Quantity::parse(text.trim()),
            Value::Number(number) => Quantity::parse(&number.to_string()),
            _ => Err(QuantityError::Format),
        }
    }

    /// A whole number of units, written with decimal suffixes.
    pub fn from_value(units: i64) -> Quantity {
        Quantity { nano: i128::from(units) * NANO, format: Format::DecimalSi }
    }

    /// A number of thousandths, written with decimal suffixes.
    pub fn from_milli(milli: i64) -> Quantity {
        Quantity { nano: i128::from(milli) * (NANO / 1000), format: Format::DecimalSi }
    }

    /// A whole number of bytes, written with binary suffixes.
    pub fn from_bytes(bytes: i64) -> Quantity {
        Quantity { nano: i128::from(bytes) * NANO, format: Format::BinarySi }
    }

    /// Units, rounded away from zero; capped to what an `i64` holds.
    pub fn value(self) -> i64 {
        saturate(divide_away(self.nano, NANO))
    }

    /// Thousandths, rounded away from zero; capped to what an `i64` holds.
    pub fn milli_value(self) -> i64 {
        saturate(divide_away(self.nano, NANO / 1000))
    }

    /// The value as a float, for ratios and sorting only.
    pub fn as_f64(self) -> f64 {
        self.nano as f64 / NANO as f64
    }

    /// Whether this is zero.
    pub fn is_zero(self) -> bool {
        self.nano == 0
    }

    /// The family of suffixes it is written with.
    pub fn format(self) -> Format {
        self.format
    }
}

/// What the API server stores when given `text`: usually the canonical form (`1.5` → `1500m`, `0.5Gi` → `512Mi`), but the text
/// itself where upstream takes it for canonical already (`1e3`, `0100`, `+1`, `1.500`).
pub fn canonical(text: &str) -> Result<String, QuantityError> {
    let (quantity, kept) = parse(text)?;
    Ok(if kept { text.to_owned() } else { quantity.to_string() })
}

/// The quantity, and whether upstream keeps the text as it stands.
fn parse(text: &str) -> Result<(Quantity, bool), QuantityError> {
    let parts = split(text)?;
    let (exponent, format) = interpret(parts.suffix).ok_or(QuantityError::Suffix)?;
    let digits = format!("{}{}", parts.whole, parts.fraction);
    if digits.trim_start_matches('0').len() > MAX_DIGITS {
        return Err(QuantityError::Numeric);
    }
    let mantissa: i128 = digits.parse().map_err(|_| QuantityError::Numeric)?;
    let places = i32::try_from(parts.fraction.len()).map_err(|_| QuantityError::Numeric)?;
    let (nano, kept) = match format {
        Format::BinarySi => (binary_nano(mantissa, exponent, places), binary_kept(&parts, mantissa, exponent)),
        _ => (decimal_nano(mantissa, exponent - places)?, decimal_kept(&digits, exponent, places)),
    };
    let format = if format == Format::BinarySi && 0 < nano && nano < NANO { Format::DecimalSi } else { format };
    let nano = if parts.negative { -nano } else { nano };
    Ok((Quantity { nano, format }, kept))
}

fn split(text: &str) -> Result<Parts<'_>, QuantityError> {
    if text.is_empty() {
        return Err(QuantityError::Format);
    }
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    let stripped = unsigned.trim_start_matches('0');
    let (whole, rest) = split_digits(stripped);
    let (fraction, suffix) = match rest.strip_prefix('.') {
        Some(after) => split_digits(after),
        None => ("", rest),
    };
    let tail = suffix.trim_start_matches(|c| "eEinumkKMGTP".contains(c));
    let tail = tail.strip_prefix(['+', '-']).unwrap_or(tail);
    if !tail.bytes().all(|b| b.is_ascii_digit()) {
        return Err(QuantityError::Format);
    }
    let whole = if whole.is_empty() { "0" } else { whole };
    Ok(Parts { negative: text.starts_with('-'), whole, fraction, suffix })
}

fn split_digits(text: &str) -> (&str, &str) {
    text.split_at(text.bytes().take_while(u8::is_ascii_digit).count())
}

/// The exponent (of two for binary suffixes, of ten otherwise) and the format of a suffix.
fn interpret(suffix: &str) -> Option<(i32, Format)> {
    if let Some(exponent) = decimal_exponent(suffix) {
        return Some((exponent, Format::DecimalSi));
    }
    if let Some(power) = BINARY_SUFFIXES.iter().position(|s| *s == suffix).filter(|p| *p > 0) {
        return Some((power as i32 * 10, Format::BinarySi));
    }
    let exponent: i32 = suffix.strip_prefix(['e', 'E'])?.parse().ok()?;
    Some((exponent, Format::DecimalExponent))
}

const BINARY_SUFFIXES: [&str; 7] = ["", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei"];
const DECIMAL_SUFFIXES: [&str; 10] = ["n", "u", "m", "", "k", "M", "G", "T", "P", "E"];

fn decimal_exponent(suffix: &str) -> Option<i32> {
    DECIMAL_SUFFIXES.iter().position(|s| *s == suffix).map(|place| place as i32 * 3 - 9)
}

fn decimal_nano(mantissa: i128, exponent: i32) -> Result<i128, QuantityError> {
    let shift = exponent.saturating_add(9);
    if mantissa == 0 {
        return Ok(0);
    }
    let power = 10i128.checked_pow(shift.unsigned_abs());
    match (shift >= 0, power) {
        (true, Some(power)) => mantissa.checked_mul(power).ok_or(QuantityError::Numeric),
        (true, None) => Err(QuantityError::Numeric),
        (false, Some(power)) => Ok(divide_away(mantissa, power)),
        (false, None) => Ok(1),
    }
}

fn binary_nano(mantissa: i128, exponent: i32, places: i32) -> i128 {
    let scaled = mantissa.checked_mul(1 << exponent).and_then(|scaled| scaled.checked_mul(NANO));
    let divisor = 10i128.checked_pow(places.unsigned_abs());
    match (scaled, divisor) {
        (Some(scaled), Some(divisor)) => divide_away(scaled, divisor).min(BINARY_CAP),
        _ => BINARY_CAP,
    }
}

/// Upstream's fast path keeps the text when it looks canonical: see the end of `ParseQuantity`.
fn decimal_kept(digits: &str, exponent: i32, places: i32) -> bool {
    let scale = exponent - places;
    digits.len() <= 18 && scale >= -9 && scale % 3 == 0 && !digits.ends_with("000") && !digits.starts_with('0')
}

fn binary_kept(parts: &Parts<'_>, mantissa: i128, exponent: i32) -> bool {
    let precision = 14 - parts.whole.len() as i32 - exponent * 3 / 10;
    parts.fraction.is_empty() && precision >= 0 && mantissa & 7 != 0
}

fn divide_away(number: i128, divisor: i128) -> i128 {
    let (quotient, remainder) = (number / divisor, number % divisor);
    quotient + remainder.signum()
}

fn saturate(number: i128) -> i64 {
    number.clamp(i128::from(i64::MIN), i128::from(i64::MAX)) as i64
}

/// The canonical form: no fraction, the largest suffix that loses nothing.
impl fmt::Display for Quantity {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.nano == 0 {
            return out.write_str("0");
        }
        let small = self.nano.abs() < 1024 * NANO;
        if self.format == Format::BinarySi && !small && self.nano % NANO == 0 {
            let (mut amount, mut power) = (self.nano / NANO, 0);
            while amount % 1024 == 0 && power + 1 < BINARY_SUFFIXES.len() {
                (amount, power) = (amount / 1024, power + 1);
            }
            return write!(out, "{amount}{}", BINARY_SUFFIXES[power]);
        }
        let (mut amount, mut place) = (self.nano, 0);
        while amount % 1000 == 0 && (place + 1 < DECIMAL_SUFFIXES.len() || self.format == Format::DecimalExponent) {
            (amount, place) = (amount / 1000, place + 1);
        }
        match (self.format, place as i32 * 3 - 9) {
            (Format::DecimalExponent, 0) => write!(out, "{amount}"),
            (Format::DecimalExponent, exponent) => write!(out, "{amount}e{exponent}"),
            _ => write!(out, "{amount}{}", DECIMAL_SUFFIXES[place]),
        }
    }
}

impl FromStr for Quantity {
    type Err = QuantityError;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Quantity::parse(text)
    }
}

impl PartialEq for Quantity {
    fn eq(&self, other: &Self) -> bool {
        self.nano == other.nano
    }
}

impl Eq for Quantity {}

impl PartialOrd for Quantity {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Quantity {
    fn cmp(&self, other: &Self) -> Ordering {
        self.nano.cmp(&other.nano)
    }
}

/// The sum keeps the left side's suffix family, unless the left side is zero (quantity.go, `Add`). Saturates.
impl Add for Quantity {
    type Output = Quantity;
    fn add(self, other: Quantity) -> Quantity {
        let format = if self.is_zero() { other.format } else { self.format };
        Quantity { nano: self.nano.saturating_add(other.nano), format }
    }
}

impl Neg for Quantity {
    type Output = Quantity;
    fn neg(self) -> Quantity {
        Quantity { nano: self.nano.saturating_neg(), format: self.format }
    }
}

impl Sub for Quantity {
    type Output = Quantity;
    fn sub(self, other: Quantity) -> Quantity {
        self + -other
    }
}

impl AddAssign for Quantity {
    fn add_assign(&mut self, other: Quantity) {
        *self = *self + other;
    }
}

impl SubAssign for Quantity {
    fn sub_assign(&mut self, other: Quantity) {
        *self = *self - other;
    }
}

impl std::iter::Sum for Quantity {
    fn sum<I: Iterator<Item = Quantity>>(quantities: I) -> Quantity {
        quantities.fold(Quantity::ZERO, Add::add)
    }
}

impl Default for Quantity {
    fn default() -> Self {
        Quantity::ZERO
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    fn quantity(text: &str) -> Quantity {
        Quantity::parse(text).unwrap()
    }

    #[test]
    fn values_compare_across_suffixes() {
        assert_eq!(quantity("1Gi"), quantity("1024Mi"));
        assert_eq!(quantity("0.5"), quantity("500m"));
        assert_eq!(quantity("1e3"), quantity("1k"));
        assert!(quantity("1M") < quantity("1Mi"));
        assert!(quantity("-1") < quantity("0"));
    }

    #[test]
    fn sums_keep_the_left_suffix_family() {
        assert_eq!((quantity("512Mi") + quantity("512Mi")).to_string(), "1Gi");
        assert_eq!((quantity("0") + quantity("64Mi")).to_string(), "64Mi");
        assert_eq!((quantity("1") - quantity("250m")).to_string(), "750m");
        assert_eq!(["100m", "900m"].into_iter().map(quantity).sum::<Quantity>().to_string(), "1");
    }

    #[test]
    fn json_numbers_are_quantities_too() {
        assert_eq!(Quantity::of(&json!(2)).unwrap(), quantity("2"));
        assert_eq!(Quantity::of(&json!(0.5)).unwrap(), quantity("500m"));
        assert_eq!(Quantity::of(&json!({})), Err(QuantityError::Format));
    }

    #[test]
    fn agrees_with_upstream_on_the_golden_table() {
        let rows: Vec<Value> = serde_json::from_str(include_str!("../../tests/golden/quantity.json")).unwrap();
        assert!(rows.len() > 500);
        for row in rows {
            let text = row["in"].as_str().unwrap();
            if let Some(error) = row["error"].as_str() {
                assert_eq!(Quantity::parse(text).unwrap_err().to_string(), error, "{text}");
                continue;
            }
            let expected = row["canonical"].as_str().unwrap();
            assert_eq!(canonical(text).unwrap(), expected, "{text}");
            let computed = row["recomputed"].as_str().unwrap_or(expected);
            assert_eq!(quantity(text).to_string(), computed, "{text}");
            for (key, ours) in [("value", quantity(text).value()), ("milli", quantity(text).milli_value())] {
                assert!(row.get(key).is_none_or(|theirs| *theirs == json!(ours)), "{text} {key}: {row} {ours}");
            }
        }
    }

    proptest! {
        #[test]
        fn the_canonical_form_has_the_same_value_and_is_stable(
            whole in 0u64..1_000_000_000, fraction in "[0-9]{0,3}", suffix in "|m|k|M|G|Ki|Mi|Gi|e3"
        ) {
            let text = format!("{whole}.{fraction}{suffix}");
            let first = quantity(&text);
            let again = quantity(&first.to_string());
            prop_assert_eq!(first, again);
            prop_assert_eq!(first.to_string(), again.to_string());
        }

        #[test]
        fn adding_and_taking_away_is_nothing(left in any::<i64>(), right in any::<i64>()) {
            let (left, right) = (Quantity::from_milli(left), Quantity::from_milli(right));
            prop_assert_eq!(left + right - right, left);
        }

        #[test]
        fn no_text_panics(text in "\\PC{0,12}|[-+0-9.eEimKMG]{0,40}") {
            let _ = canonical(&text);
        }
    }
}
