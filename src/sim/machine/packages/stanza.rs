//! The paragraphs in which dpkg and apt keep what they know: `Field: value` lines, an empty line between packages.
//! Which packages there are is `offers`', which are installed `mod.rs`'s. Source: deb-control(5).

use std::fmt::Display;

/// One package as such a paragraph tells of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stanza {
    fields: Vec<(String, String)>,
}

impl Stanza {
    /// All paragraphs of a text. Lines that are none are left out.
    pub fn all(text: &str) -> Vec<Self> {
        let mut all = Vec::new();
        for paragraph in text.split("\n\n") {
            let mut fields: Vec<(String, String)> = Vec::new();
            for line in paragraph.lines() {
                if let (true, Some((_, value))) = (line.starts_with([' ', '\t']), fields.last_mut()) {
                    value.push('\n');
                    value.push_str(line);
                } else if let Some((name, value)) = line.split_once(':') {
                    fields.push((name.to_owned(), value.trim().to_owned()));
                }
            }
            if !fields.is_empty() {
                all.push(Self { fields });
            }
        }
        all
    }

    /// A field's value, or nothing.
    pub fn get(&self, name: &str) -> &str {
        self.fields.iter().find(|(known, _)| known == name).map_or("", |(_, value)| value)
    }

    /// The same paragraph with a field set, at the end if it is new.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Display) -> Self {
        match self.fields.iter_mut().find(|(known, _)| known == name) {
            Some((_, old)) => *old = value.to_string(),
            None => self.fields.push((name.to_owned(), value.to_string())),
        }
        self
    }

    /// The same paragraph without a field.
    #[must_use]
    pub fn without(mut self, name: &str) -> Self {
        self.fields.retain(|(known, _)| known != name);
        self
    }

    /// The package's name.
    pub fn name(&self) -> &str {
        self.get("Package")
    }

    /// Its version.
    pub fn version(&self) -> &str {
        self.get("Version")
    }

    /// The paragraph's text, a newline at its end.
    pub fn text(&self) -> String {
        self.fields.iter().map(|(name, value)| format!("{name}: {value}\n")).collect()
    }
}
