//! A value with the path that leads to it, so that validation can say where something is wrong.
//! The path is written out only when there is something to say.

use serde_json::Value;

use crate::sim::apiserver::field::ErrorList;

static NULL: Value = Value::Null;

#[derive(Clone, Copy)]
enum Step<'p> {
    Root,
    /// `.name`, or the name alone at the beginning.
    Key(&'p str),
    /// `[3]`.
    Index(usize),
    /// `[name]`: an entry of a map.
    Entry(&'p str),
}

/// A place in an object: its value (null where nothing stands) and how it was reached.
#[derive(Clone, Copy)]
pub struct At<'v, 'p> {
    value: &'v Value,
    above: Option<&'p At<'v, 'p>>,
    step: Step<'p>,
}

impl<'v, 'p> At<'v, 'p> {
    /// The object itself.
    pub fn root(value: &'v Value) -> At<'v, 'p> {
        At { value, above: None, step: Step::Root }
    }

    /// What stands under a key.
    pub fn key<'q>(&'q self, name: &'q str) -> At<'v, 'q>
    where
        'p: 'q,
    {
        At { value: self.value.get(name).unwrap_or(&NULL), above: Some(self), step: Step::Key(name) }
    }

    /// The elements of the list, in order.
    pub fn items<'q>(&'q self) -> impl Iterator<Item = At<'v, 'q>>
    where
        'p: 'q,
    {
        let step = |(index, value)| At { value, above: Some(self), step: Step::Index(index) };
        self.list().iter().enumerate().map(step)
    }

    /// The entries of the map with their names, ordered by name.
    pub fn entries<'q>(&'q self) -> impl Iterator<Item = (&'v str, At<'v, 'q>)>
    where
        'p: 'q,
    {
        let mut entries: Vec<(&'v str, &'v Value)> =
            self.value.as_object().into_iter().flatten().map(|(name, value)| (name.as_str(), value)).collect();
        entries.sort_by_key(|(name, _)| *name);
        entries.into_iter().map(move |(name, value)| (name, self.entry_of(name, value)))
    }

    fn entry_of<'q>(&'q self, name: &'q str, value: &'v Value) -> At<'v, 'q>
    where
        'p: 'q,
    {
        At { value, above: Some(self), step: Step::Entry(name) }
    }

    /// The entry `[name]` of a map, null where it is not there.
    pub fn entry<'q>(&'q self, name: &'q str) -> At<'v, 'q>
    where
        'p: 'q,
    {
        self.entry_of(name, self.value.get(name).unwrap_or(&NULL))
    }

    /// The value; null where nothing stands.
    pub fn value(&self) -> &'v Value {
        self.value
    }

    /// The text; empty where there is none.
    pub fn text(&self) -> &'v str {
        self.value.as_str().unwrap_or_default()
    }

    /// The number, where there is one.
    pub fn number(&self) -> Option<i64> {
        self.value.as_i64()
    }

    /// The number; 0 where there is none.
    pub fn count(&self) -> i64 {
        self.number().unwrap_or_default()
    }

    /// The truth; false where there is none.
    pub fn truth(&self) -> bool {
        self.value.as_bool().unwrap_or_default()
    }

    /// The list; empty where there is none.
    pub fn list(&self) -> &'v [Value] {
        self.value.as_array().map(Vec::as_slice).unwrap_or_default()
    }

    /// Whether something stands here.
    pub fn is_set(&self) -> bool {
        !self.value.is_null()
    }

    /// Whether there is neither text, element nor entry here.
    pub fn is_empty(&self) -> bool {
        match self.value {
            Value::String(text) => text.is_empty(),
            Value::Array(items) => items.is_empty(),
            Value::Object(map) => map.is_empty(),
            other => other.is_null(),
        }
    }

    /// How it was reached, as `spec.containers[0].image`.
    pub fn path(&self) -> String {
        let mut path = self.above.map(At::path).unwrap_or_default();
        match self.step {
            Step::Root => {}
            Step::Key(name) => {
                if !path.is_empty() {
                    path.push('.');
                }
                path.push_str(name);
            }
            Step::Index(index) => path.push_str(&format!("[{index}]")),
            Step::Entry(name) => path.push_str(&format!("[{name}]")),
        }
        path
    }

    /// It must be there.
    pub fn required(&self, errors: &mut ErrorList) {
        errors.required(self.path(), "");
    }

    /// It must be there, and why.
    pub fn required_because(&self, why: &str, errors: &mut ErrorList) {
        errors.required(self.path(), why);
    }

    /// What stands here is wrong.
    pub fn invalid(&self, why: impl AsRef<str>, errors: &mut ErrorList) {
        errors.invalid(self.path(), self.value.clone(), why);
    }

    /// Each of these is wrong with what stands here.
    pub fn invalid_each(&self, whys: Vec<String>, errors: &mut ErrorList) {
        for why in whys {
            self.invalid_text(&why, errors);
        }
    }

    /// The text here is wrong; a missing one is shown as "".
    pub fn invalid_text(&self, why: impl AsRef<str>, errors: &mut ErrorList) {
        errors.invalid(self.path(), self.text(), why);
    }

    /// It may not be there.
    pub fn forbidden(&self, why: impl AsRef<str>, errors: &mut ErrorList) {
        errors.forbidden(self.path(), why);
    }

    /// Another has the same already.
    pub fn duplicate(&self, errors: &mut ErrorList) {
        errors.duplicate(self.path(), self.value.clone());
    }

    /// What it names is not there.
    pub fn not_found(&self, errors: &mut ErrorList) {
        errors.not_found(self.path(), self.text());
    }

    /// The text must be one of these, which are told in this order.
    pub fn one_of(&self, supported: &[&str], errors: &mut ErrorList) {
        if !supported.contains(&self.text()) {
            errors.not_supported(self.path(), self.text(), supported);
        }
    }

    /// The same, but it may be left out.
    pub fn one_of_if_set(&self, supported: &[&str], errors: &mut ErrorList) {
        if self.is_set() {
            self.one_of(supported, errors);
        }
    }
}

/// A struct as Go writes it in messages: its own names in its own order, null for what is not set.
pub fn go(value: &Value, names: &[(&str, &str)]) -> Value {
    let field = |(shown, key): &(&str, &str)| ((*shown).to_owned(), value.get(key).cloned().unwrap_or_default());
    Value::Object(names.iter().map(field).collect())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_place_knows_its_path() {
        let pod = json!({ "spec": { "containers": [{ "resources": { "limits": { "cpu": "1" } } }] } });
        let root = At::root(&pod);
        let spec = root.key("spec");
        let containers = spec.key("containers");
        for container in containers.items() {
            let resources = container.key("resources");
            let limits = resources.key("limits");
            let paths: Vec<String> = limits.entries().map(|(_, limit)| limit.path()).collect();
            assert_eq!(paths, ["spec.containers[0].resources.limits[cpu]"]);
            assert!(!container.key("image").is_set());
        }
    }
}
