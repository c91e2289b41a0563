//! Paths into objects, as people write them: `spec.containers[web].image`, `metadata.labels[app.kubernetes.io/name]`, `spec.ports[0]`.
//! JSON pointers are `serde_json`'s, kubectl's JSONPath templates are not here.

use std::fmt;
use std::str::FromStr;

use serde_json::{Map, Value};

/// A way from an object to something in it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Path {
    segments: Vec<Segment>,
}

/// One step of a path.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Segment {
    /// A key of a map: `.image` or `[app.kubernetes.io/name]`; in a list, the element of that name.
    Field(String),
    /// A place in a list, from 0: `[2]`.
    Index(usize),
    /// The element of a list whose `key` is `value`: `[web]` for names, `[containerPort=80]` for others. A name also reads a map's key.
    Element {
        /// The field that tells elements apart.
        key: String,
        /// Its value, as text.
        value: String,
    },
    /// Any element of a list: `[*]`. It leads nowhere in particular, but says what kind of place is meant.
    Any,
}

/// Why a text is no path, or a path cannot be followed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PathError {
    /// The text is not a path.
    #[error("`{path}` is not a path: {why}; write it like spec.containers[web].image or spec.ports[0]")]
    Malformed {
        /// The text.
        path: String,
        /// What is wrong with it.
        why: &'static str,
    },
    /// Something on the way has no fields, or no such place.
    #[error("`{0}` leads through something that is neither a map nor a list with such a place")]
    Blocked(Path),
}

impl Path {
    /// The path to the object itself.
    pub fn root() -> Path {
        Path::default()
    }

    /// The steps.
    pub fn segments(&self) -> &[Segment] {
        &self.segments
    }

    /// This path and one step more.
    pub fn then(&self, segment: Segment) -> Path {
        let mut segments = self.segments.clone();
        segments.push(segment);
        Path { segments }
    }

    /// This path and a key of a map.
    pub fn field(&self, name: &str) -> Path {
        self.then(Segment::Field(name.to_owned()))
    }

    /// This path and the element of a list whose `key` is `value`.
    pub fn element(&self, key: &str, value: &Value) -> Path {
        self.then(Segment::Element { key: key.to_owned(), value: text(value) })
    }

    /// What the path leads to.
    pub fn get<'o>(&self, object: &'o Value) -> Option<&'o Value> {
        self.segments.iter().try_fold(object, |found, segment| match found {
            Value::Object(fields) => fields.get(segment.as_field()?),
            Value::Array(items) => items.get(segment.place(items)?),
            _ => None,
        })
    }

    /// Puts a value where the path leads, making the maps and keyed elements on the way; an index may be the first free one of its list.
    ///
    /// # Errors
    /// `Blocked` when something on the way is a scalar, or a list without the place meant.
    pub fn set(&self, object: &mut Value, value: Value) -> Result<(), PathError> {
        let mut at = object;
        for segment in &self.segments {
            at = self.step(at, segment)?;
        }
        *at = value;
        Ok(())
    }

    fn step<'o>(&self, at: &'o mut Value, segment: &Segment) -> Result<&'o mut Value, PathError> {
        let blocked = || PathError::Blocked(self.clone());
        if at.is_null() {
            *at = match segment {
                Segment::Field(_) => Value::Object(Map::new()),
                _ => Value::Array(Vec::new()),
            };
        }
        match at {
            Value::Object(fields) => {
                let name = segment.as_field().ok_or_else(blocked)?;
                Ok(fields.entry(name).or_insert(Value::Null))
            }
            Value::Array(items) => {
                let place = match segment.place(items) {
                    Some(place) => place,
                    None => {
                        items.push(segment.first(items.len()).ok_or_else(blocked)?);
                        items.len() - 1
                    }
                };
                items.get_mut(place).ok_or_else(blocked)
            }
            _ => Err(blocked()),
        }
    }

    /// Takes what the path leads to out of the object; `None` when there is nothing there, or the path is the root.
    pub fn remove(&self, object: &mut Value) -> Option<Value> {
        let (last, way) = self.segments.split_last()?;
        let holder = way.iter().try_fold(object, |found, segment| match found {
            Value::Object(fields) => fields.get_mut(segment.as_field()?),
            Value::Array(items) => {
                let place = segment.place(items)?;
                items.get_mut(place)
            }
            _ => None,
        })?;
        match holder {
            Value::Object(fields) => fields.shift_remove(last.as_field()?),
            Value::Array(items) => {
                last.place(items).filter(|place| *place < items.len()).map(|place| items.remove(place))
            }
            _ => None,
        }
    }
}

impl Segment {
    fn as_field(&self) -> Option<&str> {
        match self {
            Segment::Field(name) => Some(name),
            Segment::Element { key, value } if key == "name" => Some(value),
            _ => None,
        }
    }

    fn place(&self, items: &[Value]) -> Option<usize> {
        let with = |key: &str, wanted: &str| {
            items.iter().position(|item| item.get(key).is_some_and(|found| text(found) == wanted))
        };
        match self {
            Segment::Field(name) => with("name", name),
            Segment::Index(place) => Some(*place).filter(|place| *place < items.len()),
            Segment::Element { key, value } => with(key, value),
            Segment::Any => None,
        }
    }

    /// What a list of `length` gets when it has no such place yet.
    fn first(&self, length: usize) -> Option<Value> {
        match self {
            Segment::Index(place) => (*place == length).then_some(Value::Null),
            Segment::Element { key, value } => {
                Some(Value::Object(Map::from_iter([(key.clone(), Value::from(value.as_str()))])))
            }
            Segment::Field(_) | Segment::Any => None,
        }
    }
}

fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// What a written path leads to; `None` also when it is malformed.
pub fn get<'o>(object: &'o Value, path: &str) -> Option<&'o Value> {
    path.parse::<Path>().ok()?.get(object)
}

/// Puts a value where a written path leads. See [`Path::set`].
pub fn set(object: &mut Value, path: &str, value: Value) -> Result<(), PathError> {
    path.parse::<Path>()?.set(object, value)
}

/// Takes what a written path leads to out of the object; `None` also when the path is malformed.
pub fn remove(object: &mut Value, path: &str) -> Option<Value> {
    path.parse::<Path>().ok()?.remove(object)
}

impl FromStr for Path {
    type Err = PathError;

    fn from_str(path: &str) -> Result<Path, PathError> {
        let malformed = |why| PathError::Malformed { path: path.to_owned(), why };
        let mut segments = Vec::new();
        let mut rest = path;
        while !rest.is_empty() {
            if let Some(inside) = rest.strip_prefix('[') {
                let end = inside.find(']').ok_or_else(|| malformed("a bracket is not closed"))?;
                segments.push(bracketed(&inside[..end]).ok_or_else(|| malformed("brackets are empty"))?);
                rest = &inside[end + 1..];
            } else {
                let word = if segments.is_empty() {
                    rest
                } else {
                    rest.strip_prefix('.').ok_or_else(|| malformed("a dot is missing"))?
                };
                let end = word.find(['.', '[']).unwrap_or(word.len());
                if end == 0 {
                    return Err(malformed("a field's name is empty"));
                }
                segments.push(Segment::Field(word[..end].to_owned()));
                rest = &word[end..];
            }
        }
        Ok(Path { segments })
    }
}

fn bracketed(inside: &str) -> Option<Segment> {
    if inside == "*" {
        return Some(Segment::Any);
    }
    if let Ok(place) = inside.parse() {
        return Some(Segment::Index(place));
    }
    match inside.split_once('=') {
        Some((key, value)) if !key.is_empty() => {
            Some(Segment::Element { key: key.to_owned(), value: value.to_owned() })
        }
        _ if inside.is_empty() => None,
        // Names of list elements have neither dots nor slashes; keys that need brackets have.
        _ if inside.contains(['.', '/']) => Some(Segment::Field(inside.to_owned())),
        _ => Some(Segment::Element { key: "name".to_owned(), value: inside.to_owned() }),
    }
}

impl fmt::Display for Path {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, segment) in self.segments.iter().enumerate() {
            match segment {
                Segment::Field(name) if name.is_empty() || name.contains(['.', '[', ']', '/', '=']) => {
                    write!(out, "[{name}]")?
                }
                Segment::Field(name) if place == 0 => out.write_str(name)?,
                Segment::Field(name) => write!(out, ".{name}")?,
                Segment::Index(place) => write!(out, "[{place}]")?,
                Segment::Element { key, value } if key == "name" && value.parse::<usize>().is_err() => {
                    write!(out, "[{value}]")?
                }
                Segment::Element { key, value } => write!(out, "[{key}={value}]")?,
                Segment::Any => out.write_str("[*]")?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    fn pod() -> Value {
        json!({
            "metadata": {"labels": {"app.kubernetes.io/name": "web"}},
            "spec": {"containers": [{"name": "web", "image": "nginx", "ports": [{"containerPort": 80}]}, {"name": "log"}]}
        })
    }

    #[test]
    fn paths_lead_to_what_they_say() {
        let pod = pod();
        for (path, found) in [
            ("spec.containers[web].image", json!("nginx")),
            ("spec.containers[1].name", json!("log")),
            ("spec.containers[name=log].name", json!("log")),
            ("spec.containers[web].ports[containerPort=80].containerPort", json!(80)),
            ("metadata.labels[app.kubernetes.io/name]", json!("web")),
        ] {
            assert_eq!(get(&pod, path), Some(&found), "{path}");
        }
        for path in [
            "spec.none",
            "spec.containers[2]",
            "spec.containers[none].image",
            "spec.containers[web].image.x",
            "spec.containers[*]",
            "a[",
        ] {
            assert_eq!(get(&pod, path), None, "{path}");
        }
        assert_eq!(get(&pod, ""), Some(&pod));
    }

    #[test]
    fn setting_makes_the_way() {
        let mut object = json!({});
        set(&mut object, "spec.containers[name=web].image", json!("nginx")).unwrap();
        set(&mut object, "spec.containers[web].args[0]", json!("-x")).unwrap();
        set(&mut object, "metadata.labels[a.b/c]", json!("d")).unwrap();
        let expected = json!({"spec": {"containers": [{"name": "web", "image": "nginx", "args": ["-x"]}]}, "metadata": {"labels": {"a.b/c": "d"}}});
        assert_eq!(object, expected);
        let blocked = set(&mut object, "spec.containers[web].image.x", json!(1)).unwrap_err();
        assert!(matches!(blocked, PathError::Blocked(_)));
        assert!(set(&mut object, "spec.containers[7].image", json!(1)).is_err());
    }

    #[test]
    fn removing_takes_out() {
        let mut pod = pod();
        assert_eq!(remove(&mut pod, "spec.containers[web].image"), Some(json!("nginx")));
        assert_eq!(remove(&mut pod, "spec.containers[log]"), Some(json!({"name": "log"})));
        assert_eq!(remove(&mut pod, "spec.containers[log]"), None);
        assert_eq!(remove(&mut pod, "spec.none.x"), None);
        assert_eq!(pod["spec"], json!({"containers": [{"name": "web", "ports": [{"containerPort": 80}]}]}));
    }

    #[test]
    fn malformed_paths_say_why() {
        let why = |path: &str| path.parse::<Path>().unwrap_err().to_string();
        assert!(why("a..b").contains("a field's name is empty"));
        assert!(why("a[0").contains("a bracket is not closed"));
        assert!(why("a[]").contains("brackets are empty"));
        assert!(why("a[0]b").contains("a dot is missing"));
    }

    proptest! {
        #[test]
        fn what_is_printed_reads_the_same(path in "[a-z]{1,3}(\\.[a-z]{1,3}|\\[[0-9]\\]|\\[[a-z./]{1,4}\\]|\\[[a-z]=[a-z]\\]|\\[\\*\\]){0,5}") {
            let read: Path = path.parse().unwrap();
            let again: Path = read.to_string().parse().unwrap();
            prop_assert_eq!(again, read);
        }

        #[test]
        fn no_text_panics(path in "\\PC{0,12}") {
            let _ = set(&mut pod(), &path, json!(1));
            let _ = remove(&mut pod(), &path);
        }
    }
}
