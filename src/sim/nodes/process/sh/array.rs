//! Arrays, as bash has them: values by number, or by name after `declare -A`.
//! Which of them a word means is `parameter.rs`.

use std::collections::BTreeMap;

use super::run::{Shell, Stop};
use super::tree::{Set, Value, Word};

/// Where a value is in an array.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Key {
    At(i64),
    Named(String),
}

/// One array.
#[derive(Clone, Debug, Default)]
pub struct Array {
    /// Whether its values have names.
    pub is_named: bool,
    pub values: BTreeMap<Key, String>,
}

impl Array {
    /// A number from the end is one from the beginning.
    fn key(&self, key: &Key) -> Key {
        match (key, self.values.last_key_value()) {
            (Key::At(at), Some((Key::At(last), _))) if *at < 0 => Key::At(last + 1 + at),
            _ => key.clone(),
        }
    }

    fn next(&self) -> i64 {
        match self.values.last_key_value() {
            Some((Key::At(last), _)) => last.saturating_add(1),
            _ => 0,
        }
    }
}

impl Shell {
    /// One value of an array; a plain variable has one, the first.
    pub fn element(&self, name: &str, key: &Key) -> Option<String> {
        match self.arrays.get(name) {
            Some(array) => array.values.get(&array.key(key)).cloned(),
            None if matches!(key, Key::At(0 | -1)) => self.parameter(name),
            None => None,
        }
    }

    /// Sets one value of an array.
    pub fn assign_element(&mut self, name: &str, key: Key, value: String) {
        let first = self.variables.remove(name).map(|value| (Key::At(0), value));
        let array = self.arrays.entry(name.to_owned()).or_default();
        array.values.extend(first);
        let key = array.key(&key);
        array.values.insert(key, value);
    }

    /// The key that stands between the brackets.
    pub async fn key(&mut self, name: &str, index: &Word) -> Result<Key, Stop> {
        if self.arrays.get(name).is_some_and(|array| array.is_named) {
            let text = self.text(index).await?;
            return Ok(Key::Named(text.trim_matches(['"', '\'']).to_owned()));
        }
        Ok(Key::At(self.sum(index).await?))
    }

    /// Does what an assignment says.
    pub async fn set(&mut self, set: &Set) -> Result<(), Stop> {
        let words = match &set.value {
            Value::Array(words) => words,
            Value::Text(word) => {
                let mut value = self.text(word).await?;
                let Some(index) = &set.index else {
                    if set.append {
                        value = self.parameter(&set.name).unwrap_or_default() + &value;
                    }
                    self.assign(&set.name, value);
                    return Ok(());
                };
                let key = self.key(&set.name, index).await?;
                if set.append {
                    value = self.element(&set.name, &key).unwrap_or_default() + &value;
                }
                self.assign_element(&set.name, key, value);
                return Ok(());
            }
        };
        let before = self.arrays.get(&set.name).cloned().unwrap_or_default();
        let mut array = if set.append { before } else { Array { is_named: before.is_named, ..Array::default() } };
        for (index, word) in words {
            match index {
                Some(index) => {
                    let key = self.key(&set.name, index).await?;
                    array.values.insert(key, self.text(word).await?);
                }
                None => {
                    for value in self.fields(std::slice::from_ref(word)).await? {
                        let next = array.next();
                        array.values.insert(Key::At(next), value);
                    }
                }
            }
        }
        self.variables.remove(&set.name);
        self.arrays.insert(set.name.clone(), array);
        Ok(())
    }
}
