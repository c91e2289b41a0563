//! Types that are read through a form: the form is what authors write, the type what the program keeps.
//! Gives such types the form's JSON Schema.

/// Gives a type that is made of a form (`#[serde(try_from)]`) the schema of that form.
macro_rules! schema_of_form {
    ($type:ty, $form:ty) => {
        impl schemars::JsonSchema for $type {
            fn schema_name() -> std::borrow::Cow<'static, str> {
                <$form as schemars::JsonSchema>::schema_name()
            }

            fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
                <$form as schemars::JsonSchema>::json_schema(generator)
            }
        }
    };
}
pub(crate) use schema_of_form;
