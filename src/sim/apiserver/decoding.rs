//! A stand-in until the real module lands; replace it whole.
//! A stand-in until the real module lands; replace it whole.
use super::endpoints::FieldValidation;
use super::status::Status;
use serde_json::Value;
pub fn decode(
    bytes: &[u8],
    _content_type: &str,
    _expected: Option<(&str, &str)>,
    _v: FieldValidation,
) -> Result<(Value, Vec<String>), Status> {
    serde_json::from_slice(bytes).map(|v| (v, vec![])).map_err(|e| Status::bad_request(e.to_string()))
}
pub fn normalise(_: &mut Value, _v: FieldValidation) -> Result<Vec<String>, Status> {
    Ok(vec![])
}
