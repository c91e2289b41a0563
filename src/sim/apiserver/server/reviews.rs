//! A stand-in until the real module lands; replace it whole.
//! A stand-in until the real module lands; replace it whole.
use crate::sim::apiserver::status::{Result, Status};
use serde_json::Value;
pub fn answer(_: &super::handler::Call, _: &crate::sim::apiserver::endpoints::Request) -> Result<Value> {
    Err(Status::no_such_path())
}
