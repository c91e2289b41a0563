//! What is known of a place in an object when configurations are laid over each other: from the table of built-in kinds, from the schema of a
//! definition, or nothing. Source: k8s.io/kube-openapi `pkg/schemaconv/openapi.go`, sigs.k8s.io/structured-merge-diff `typed/helpers.go`.

use serde_json::{Map, Value, json};

use super::{Field, ListType, Shape, Type, named};

const PRESERVE: &str = "x-kubernetes-preserve-unknown-fields";
const EMBEDDED: &str = "x-kubernetes-embedded-resource";

/// A place in an object; cheap to copy.
#[derive(Clone, Copy, Default)]
pub struct Place<'a> {
    field: Option<&'static Field>,
    known: Known<'a>,
}

#[derive(Clone, Copy, Default)]
enum Known<'a> {
    /// Maps are owned by their keys, lists as one.
    #[default]
    Nothing,
    Object(Type),
    Shape(&'static Shape),
    Defined(Defined<'a>),
}

/// A schema of a definition.
#[derive(Clone, Copy)]
struct Defined<'a> {
    schema: &'a Value,
    /// Whether it, or one around it, keeps fields it does not know.
    keeps: bool,
    /// Whether an object with `apiVersion`, `kind` and `metadata` stands here.
    resource: bool,
}

/// Where a name leads from a place.
#[derive(Clone, Copy)]
pub enum Member<'a> {
    /// To a field of the schema.
    Declared(Place<'a>),
    /// To a key that may be any.
    Free(Place<'a>),
    /// Nowhere: the schema has no such field.
    Undeclared,
}

/// How the value at a place is owned.
pub enum Form<'v> {
    /// As one.
    Leaf,
    Map(&'v Map<String, Value>),
    /// Element by element: each with its path element.
    List(Vec<(String, &'v Value)>),
}

/// What may stand at a place.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Holds {
    Anything,
    Map,
    List,
    Number,
    Text,
    Truth,
    /// Any scalar.
    Scalar,
}

impl Place<'static> {
    /// The whole of an object of a built-in type; without one, nothing is known.
    pub fn of(of: Option<Type>) -> Self {
        Self { field: None, known: of.map_or(Known::Nothing, Known::Object) }
    }
}

impl<'a> Place<'a> {
    /// The whole of a custom resource; an empty schema knows nothing.
    pub fn defined(schema: &'a Value) -> Self {
        if schema.as_object().is_none_or(Map::is_empty) {
            return Self::default();
        }
        Self::schema(schema, false, true)
    }

    fn schema(schema: &'a Value, keeps: bool, resource: bool) -> Self {
        let keeps = keeps || schema[PRESERVE] == true;
        let resource = resource || schema[EMBEDDED] == true;
        Self { field: None, known: Known::Defined(Defined { schema, keeps, resource }) }
    }

    fn shape(field: Option<&'static Field>, shape: &'static Shape) -> Self {
        let known = if let Shape::Object(of) = shape { Known::Object(*of) } else { Known::Shape(shape) };
        Self { field, known }
    }

    /// Where a name leads.
    pub fn member(self, name: &str) -> Member<'a> {
        match self.known {
            Known::Object(of) => match of.field(name) {
                Some(field) => Member::Declared(Self::shape(Some(field), &field.shape)),
                None => Member::Undeclared,
            },
            Known::Shape(Shape::Map(inner)) => Member::Free(Self::shape(None, inner)),
            Known::Defined(defined) => defined.member(name),
            Known::Nothing | Known::Shape(_) => Member::Free(Self::default()),
        }
    }

    /// The place a name leads to, whether or not it may.
    pub fn below(self, name: &str) -> Self {
        match self.member(name) {
            Member::Declared(place) | Member::Free(place) => place,
            Member::Undeclared => Self::default(),
        }
    }

    /// The place of a list's elements.
    pub fn element(self) -> Self {
        match self.known {
            Known::Shape(Shape::List(inner)) => Self::shape(None, inner),
            Known::Defined(Defined { schema, keeps, .. }) if schema["items"].is_object() => {
                Self::schema(&schema["items"], keeps, false)
            }
            _ => Self::default(),
        }
    }

    /// The place a path element (`f:spec`, `k:{"name":"web"}`, `v:1`) leads to.
    pub fn at(self, element: &str) -> Self {
        element.strip_prefix("f:").map_or_else(|| self.element(), |name| self.below(name))
    }

    /// Whether Go always writes it: a struct that is no pointer stands there, empty, before anything is set.
    pub fn stands(self) -> bool {
        let object = matches!(self.known, Known::Object(_));
        object && self.field.is_some_and(|field| !field.go.pointer && !field.go.omit_zero)
    }

    /// Whether Go always writes the list that is here, empty before anything is in it.
    pub fn lists(self) -> bool {
        self.field.is_some_and(|field| field.required && field.list_type.is_some())
    }

    /// Whether null is no value here: what Go's types read is gone then.
    pub fn drops_null(self) -> bool {
        matches!(self.known, Known::Object(_) | Known::Shape(_))
    }

    /// Whether what stands here is owned as one, whatever it is.
    pub fn is_atomic(self) -> bool {
        match self.known {
            Known::Defined(Defined { schema, .. }) => schema["x-kubernetes-map-type"] == "atomic",
            Known::Object(of) if of.atomic() => true,
            _ => self.field.is_some_and(|field| field.atomic),
        }
    }

    /// How lists here are owned.
    pub fn list_type(self) -> ListType {
        let Known::Defined(Defined { schema, .. }) = self.known else {
            return self.field.and_then(|field| field.list_type).unwrap_or(ListType::Atomic);
        };
        match schema["x-kubernetes-list-type"].as_str() {
            Some("map") => ListType::Map,
            Some("set") => ListType::Set,
            _ => ListType::Atomic,
        }
    }

    fn keys(self) -> Vec<&'a str> {
        match self.known {
            Known::Defined(Defined { schema, .. }) => {
                let keys = schema["x-kubernetes-list-map-keys"].as_array();
                keys.into_iter().flatten().filter_map(Value::as_str).collect()
            }
            _ => self.field.map(|field| field.list_map_keys.clone()).unwrap_or_default(),
        }
    }

    /// The path element of an element of the list that is here: `k:{"containerPort":80,"protocol":"TCP"}` with keys in alphabetical order,
    /// those not given with their default; `v:"x"` in a set.
    ///
    /// # Errors
    /// Why it cannot be told apart from others.
    pub fn path_element(self, item: &Value) -> Result<String, String> {
        if self.list_type() == ListType::Set {
            let refused = match item {
                Value::Object(_) => "associative list without keys has an element that's a map type",
                Value::Array(_) => "not supported: associative list with lists as elements",
                Value::Null => "associative list without keys has an element that's an explicit null",
                _ => return Ok(format!("v:{item}")),
            };
            return Err(refused.to_owned());
        }
        let Some(map) = item.as_object() else {
            let what = if item.is_null() { "a null element" } else { "non-map elements" };
            return Err(format!("associative list with keys may not have {what}"));
        };
        let (keys, element) = (self.keys(), self.element());
        let value = |key: &str| map.get(key).filter(|value| !value.is_null()).cloned().or_else(|| element.zero(key));
        let mut pairs: Vec<(String, Value)> =
            keys.iter().filter_map(|key| value(key).map(|value| ((*key).to_owned(), value))).collect();
        if pairs.is_empty() && !keys.is_empty() {
            let quoted: Vec<String> = keys.iter().map(|key| format!("{key:?}")).collect();
            return Err(format!(
                "associative list with keys has an element that omits all key fields [{}] (and doesn't have default values for any key fields)",
                quoted.join(" ")
            ));
        }
        pairs.sort_by(|(one, _), (other, _)| one.cmp(other));
        Ok(format!("k:{}", Value::Object(pairs.into_iter().collect())))
    }

    /// A field's default: what the schema declares, which for built-in fields that Go always writes is their zero value.
    fn zero(self, name: &str) -> Option<Value> {
        match self.known {
            Known::Object(of) => {
                let field = of.field(name)?;
                let zero = || match field.shape {
                    Shape::String => Some(json!("")),
                    Shape::Int32 | Shape::Int64 => Some(json!(0)),
                    _ => None,
                };
                field.default.clone().or_else(|| zero().filter(|_| !field.go.omit_empty && !field.go.pointer))
            }
            Known::Defined(Defined { schema, .. }) => schema["properties"][name].get("default").cloned(),
            _ => None,
        }
    }

    /// How a value that stands here is owned. Elements of a list that cannot be told apart count for nothing.
    pub fn form(self, value: &Value) -> Form<'_> {
        match value {
            _ if self.is_atomic() => Form::Leaf,
            Value::Object(map) => Form::Map(map),
            Value::Array(items) if self.list_type() != ListType::Atomic => {
                Form::List(items.iter().filter_map(|item| Some((self.path_element(item).ok()?, item))).collect())
            }
            _ => Form::Leaf,
        }
    }

    /// What may stand here.
    pub fn holds(self) -> Holds {
        match self.known {
            Known::Nothing | Known::Shape(Shape::Any) => Holds::Anything,
            Known::Object(_) | Known::Shape(Shape::Object(_) | Shape::Map(_)) => Holds::Map,
            Known::Shape(Shape::List(_)) => Holds::List,
            Known::Shape(Shape::String | Shape::Bytes) => Holds::Text,
            Known::Shape(Shape::Int32 | Shape::Int64 | Shape::Number) => Holds::Number,
            Known::Shape(Shape::Bool) => Holds::Truth,
            Known::Shape(Shape::Quantity | Shape::IntOrString | Shape::Time | Shape::MicroTime) => Holds::Scalar,
            Known::Defined(Defined { schema, .. }) => match schema["type"].as_str() {
                Some("object") => Holds::Map,
                Some("array") => Holds::List,
                Some("integer" | "number") => Holds::Number,
                Some("boolean") => Holds::Truth,
                Some("string") => match schema["format"].as_str() {
                    None | Some("" | "byte") => Holds::Text,
                    Some(_) => Holds::Scalar,
                },
                _ => Holds::Anything,
            },
        }
    }
}

impl<'a> Defined<'a> {
    fn member(self, name: &str) -> Member<'a> {
        if self.resource {
            match name {
                "apiVersion" | "kind" => {
                    return Member::Declared(Place { field: None, known: Known::Shape(&Shape::String) });
                }
                "metadata" => {
                    let of = named("io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta");
                    return Member::Declared(Place::of(of));
                }
                _ => {}
            }
        }
        let inner = |schema| Place::schema(schema, self.keeps, false);
        if let Some(property) = self.schema["properties"].get(name) {
            return Member::Declared(inner(property));
        }
        match self.schema.get("additionalProperties") {
            Some(Value::Bool(false)) => Member::Undeclared,
            Some(Value::Bool(true)) => Member::Free(Place::default()),
            Some(schema) => Member::Free(inner(schema)),
            None => {
                let knows = self.resource || self.schema["properties"].as_object().is_some_and(|map| !map.is_empty());
                if self.keeps || !knows { Member::Free(Place::default()) } else { Member::Undeclared }
            }
        }
    }
}

/// A path element as errors show it: `.spec`, `[name="web"]`, `[="x"]`.
pub fn path_shown(element: &str) -> String {
    match element.split_at_checked(2) {
        Some(("f:", name)) => format!(".{name}"),
        Some(("k:", keys)) => {
            let keys: Map<String, Value> = serde_json::from_str(keys).unwrap_or_default();
            let pairs: Vec<String> = keys.iter().map(|(key, value)| format!("{key}={value}")).collect();
            format!("[{}]", pairs.join(","))
        }
        Some(("v:", value)) => format!("[={value}]"),
        _ => element.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn widget() -> Value {
        json!({ "type": "object", "properties": { "spec": { "type": "object", "properties": {
            "ports": { "type": "array", "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["port", "protocol"], "items": {
                "type": "object", "properties": { "port": { "type": "integer" }, "protocol": { "type": "string", "default": "TCP" } } } },
            "names": { "type": "array", "x-kubernetes-list-type": "set", "items": { "type": "string" } },
            "free": { "type": "object" },
            "kept": { "type": "object", "x-kubernetes-preserve-unknown-fields": true, "properties": {
                "inner": { "type": "object", "properties": { "a": { "type": "string" } } } } },
            "pod": { "type": "object", "x-kubernetes-embedded-resource": true },
        } } } })
    }

    fn undeclared(place: Place, name: &str) -> bool {
        matches!(place.member(name), Member::Undeclared)
    }

    #[test]
    fn a_definition_tells_elements_apart_by_its_keys() {
        let schema = widget();
        let spec = Place::defined(&schema).below("spec");
        let ports = spec.below("ports");
        assert_eq!(ports.path_element(&json!({ "port": 80 })).unwrap(), r#"k:{"port":80,"protocol":"TCP"}"#);
        assert_eq!(spec.below("names").path_element(&json!("a")).unwrap(), r#"v:"a""#);
        let why = spec.below("names").path_element(&json!({})).unwrap_err();
        assert_eq!(why, "associative list without keys has an element that's a map type");
        assert!(ports.path_element(&json!(1)).unwrap_err().ends_with("may not have non-map elements"));
    }

    #[test]
    fn what_may_stand_where_follows_the_schema() {
        let schema = widget();
        let root = Place::defined(&schema);
        let spec = root.below("spec");
        assert!(undeclared(root, "extra") && undeclared(spec, "extra") && undeclared(root.below("metadata"), "extra"));
        assert!(!undeclared(spec.below("free"), "x") && !undeclared(spec.below("kept"), "x"));
        assert!(!undeclared(spec.below("kept").below("inner"), "x"), "what keeps fields hands that on");
        assert!(undeclared(spec.below("pod"), "x") && undeclared(spec.below("pod").below("metadata"), "x"));
        assert!(spec.below("ports").holds() == Holds::List && spec.below("pod").below("kind").holds() == Holds::Text);
        assert!(root.below("metadata").below("finalizers").list_type() == ListType::Set);
    }
}
