//! A stand-in until the real module lands; replace it whole.
//! A stand-in until the real module lands; replace it whole.
use serde_json::Value;
pub fn merge(target: &mut Value, change: &Value) {
    json_patch::merge(target, change);
}
pub fn json(target: &mut Value, change: &Value) -> Result<(), String> {
    let p: json_patch::Patch = serde_json::from_value(change.clone()).map_err(|e| e.to_string())?;
    json_patch::patch(target, &p).map_err(|e| e.to_string())
}
pub fn strategic(target: &mut Value, change: &Value, _: Option<super::schema::Type>) -> Result<(), String> {
    json_patch::merge(target, change);
    Ok(())
}
