//! The JSON Schemas of `pack.yaml` and `scenario.yaml`, made from the types and their documentation.
//! The descriptions stand with the types.

use schemars::generate::SchemaSettings;
use serde_json::Value;

use super::model::ScenarioFile;
use super::pack::PackFile;

/// Both files a pack is made of, so that an editor needs one schema: a document is a `Pack` or a `Scenario` by its `kind`.
pub fn both() -> Value {
    let mut generator = SchemaSettings::draft2020_12().into_generator();
    let pack = generator.subschema_for::<PackFile>();
    let scenario = generator.subschema_for::<ScenarioFile>();
    let definitions = generator.take_definitions(true);
    serde_json::json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Kubedrill packs",
        "description": "pack.yaml and scenario.yaml, format kubedrill/v1alpha1",
        "if": { "properties": { "kind": { "const": "Pack" } }, "required": ["kind"] },
        "then": pack,
        "else": scenario,
        "$defs": definitions,
    })
}

/// The schema of `pack.yaml`.
pub fn pack() -> Value {
    schemars::schema_for!(PackFile).to_value()
}

/// The schema of `scenario.yaml`.
pub fn scenario() -> Value {
    schemars::schema_for!(ScenarioFile).to_value()
}
