//! What is known about the built-in kinds of Kubernetes 1.35: fields, shapes, merge keys, list types, defaults, enums.
//!
//! The facts come from `assets/kubernetes/schema.txt.gz` (made by `tools/schemas` from the Go API types and a real server's OpenAPI v3),
//! read once, at first use. Nothing here knows validation beyond shapes, or the wire; of custom resources only `place` knows, what server-side apply does with them.

mod check;
mod place;
mod table;
mod typed;

pub use check::{Kind as ProblemKind, Problem, check};
pub use place::{Form, Holds, Member, Place, path_shown};
pub use typed::{BASE64, in_order, normalise};

use serde_json::Value;

/// A named object type, such as `io.k8s.api.core.v1.PodSpec`: a handle, cheap to copy.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Type(u16);

/// One field of a [`Type`], inlined Go structs already taken in.
#[derive(Debug)]
pub struct Field {
    /// The name in JSON.
    pub name: &'static str,
    /// What the field holds.
    pub shape: Shape,
    /// How a strategic merge patch treats the field (`x-kubernetes-patch-strategy`).
    pub merge: Merge,
    /// The key list items are matched by in a strategic merge patch (`x-kubernetes-patch-merge-key`).
    pub merge_key: Option<&'static str>,
    /// How server-side apply treats the list (`x-kubernetes-list-type`).
    pub list_type: Option<ListType>,
    /// The keys of a `map` list in server-side apply (`x-kubernetes-list-map-keys`); may be more than the merge key.
    pub list_map_keys: Vec<&'static str>,
    /// Whether server-side apply owns the map or struct as one (`x-kubernetes-map-type: atomic` on the field).
    pub atomic: bool,
    /// The default OpenAPI declares; Go's zero values are not listed. Most defaults are set in code (`pkg/apis/*/v1/defaults.go`), not here.
    pub default: Option<Value>,
    /// Whether the OpenAPI document says `required`.
    pub required: bool,
    /// The values allowed to the field, or to the items of the list; empty when any goes.
    pub enum_values: Vec<&'static str>,
    /// How the Go struct declares the field.
    pub go: Go,
}

/// How a field is declared in Go: what decides which zero values survive, and what errors call it.
#[derive(Debug, Default)]
pub struct Go {
    /// A pointer: an explicit zero is kept.
    pub pointer: bool,
    /// `omitempty`: an empty string, list or map, zero and false are left out.
    pub omit_empty: bool,
    /// `omitzero`: a struct of zeros is left out as well.
    pub omit_zero: bool,
    /// The type as Go prints it, where it does not follow from the shape: `v1.Protocol`.
    pub type_name: Option<&'static str>,
    /// The embedded structs between the type and the field: `ProbeHandler`; empty for most.
    pub embedded: &'static str,
}

/// What a field, list item or map value holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Shape {
    /// An object of a named type.
    Object(Type),
    /// An object with free keys.
    Map(Box<Shape>),
    /// A list.
    List(Box<Shape>),
    String,
    Int32,
    Int64,
    /// A float.
    Number,
    Bool,
    /// `500m`, `1Gi`, or a number.
    Quantity,
    /// A number or a string such as `25%` or a port's name.
    IntOrString,
    /// RFC 3339, whole seconds.
    Time,
    /// RFC 3339, microseconds.
    MicroTime,
    /// Base64 text.
    Bytes,
    /// Anything.
    Any,
}

/// A strategic merge patch's strategy for a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Merge {
    /// None declared: objects and maps merge, lists are replaced.
    #[default]
    Default,
    /// Lists merge, by [`Field::merge_key`] or, without one, as sets of scalars.
    Merge,
    /// Replaced as a whole.
    Replace,
    /// Keys the patch does not name in `$retainKeys` go.
    RetainKeys,
    /// Both.
    MergeRetainKeys,
}

impl Merge {
    /// Whether a list merges with what is there.
    pub fn merges(self) -> bool {
        matches!(self, Self::Merge | Self::MergeRetainKeys)
    }

    /// Whether `$retainKeys` counts.
    pub fn retains_keys(self) -> bool {
        matches!(self, Self::RetainKeys | Self::MergeRetainKeys)
    }
}

/// How server-side apply treats a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ListType {
    Atomic,
    Set,
    Map,
}

/// The type of a built-in kind: `of("apps/v1", "Deployment")`. `None` for custom resources and unknown kinds.
pub fn of(api_version: &str, kind: &str) -> Option<Type> {
    table::get().kinds.get(&(api_version, kind)).copied()
}

/// The type of a configuration file that kubeadm reads, its own or a component's: `configuration("kubeadm.k8s.io/v1beta4", "InitConfiguration")`.
pub fn configuration(api_version: &str, kind: &str) -> Option<Type> {
    table::get().configurations.get(&(api_version, kind)).copied()
}

/// The type with a full name, as OpenAPI has it: `io.k8s.api.core.v1.PodSpec`.
pub fn named(name: &str) -> Option<Type> {
    table::get().names.get(name).copied()
}

/// Every built-in kind as (API version, kind), lists and options included, in no order.
pub fn kinds() -> impl Iterator<Item = (&'static str, &'static str, Type)> {
    table::get().kinds.iter().map(|((api_version, kind), of)| (*api_version, *kind, *of))
}

impl Type {
    /// The field of that JSON name.
    pub fn field(self, name: &str) -> Option<&'static Field> {
        self.fields().iter().find(|field| field.name == name)
    }

    /// All fields, in the order of the Go struct.
    pub fn fields(self) -> &'static [Field] {
        let table = table::get();
        &table.fields[table.types[usize::from(self.0)].fields.clone()]
    }

    /// The full name: `io.k8s.api.core.v1.PodSpec`.
    pub fn name(self) -> &'static str {
        table::get().types[usize::from(self.0)].name
    }

    /// The name as Go prints it: `v1.PodSpec`.
    pub fn go_name(self) -> &'static str {
        let name = self.name();
        let dot = name.rmatch_indices('.').nth(1).map_or(0, |(at, _)| at + 1);
        &name[dot..]
    }

    /// The last word of the name: `PodSpec`.
    pub fn short_name(self) -> &'static str {
        self.name().rsplit('.').next().unwrap_or_default()
    }

    /// Whether server-side apply owns objects of this type as one (`x-kubernetes-map-type: atomic` on the type).
    pub fn atomic(self) -> bool {
        table::get().types[usize::from(self.0)].atomic
    }

    /// What a dotted path leads to, list indices left out: `spec.template.spec.containers.image`.
    pub fn at(self, path: &str) -> Option<&'static Field> {
        let mut words = path.split('.');
        let mut field = self.field(words.next()?)?;
        for word in words {
            field = field.shape.object()?.field(word)?;
        }
        Some(field)
    }
}

impl std::fmt::Debug for Type {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(self.name())
    }
}

/// Go's name of a list's items or a map's values, from Go's name of the whole: `v1.Protocol` from `[]v1.Protocol`.
pub fn element_name(name: &str) -> Option<&str> {
    match name {
        // A map with a name of its own, whose values are told by theirs.
        "v1.JSONSchemaDependencies" => Some("v1.JSONSchemaPropsOrStringArray"),
        _ => name.strip_prefix("[]").or_else(|| Some(name.strip_prefix("map[")?.split_once(']')?.1)),
    }
}

impl Shape {
    /// The object type inside, through lists and maps.
    pub fn object(&self) -> Option<Type> {
        match self {
            Self::Object(of) => Some(*of),
            Self::Map(inner) | Self::List(inner) => inner.object(),
            _ => None,
        }
    }
}
