//! A unit as its files define it: the fragment, the drop-ins over it, and the command that follows.
//! What state the unit is in stands in `mod.rs`. Source: systemd.unit(5), systemd.exec(5), systemd.service(5).

use std::collections::{BTreeMap, HashMap};

use serde::{Deserialize, Serialize};

use crate::sim::machine::root::Root;

/// Where unit files lie; what comes first wins.
const PLACES: [&str; 3] = ["/etc/systemd/system", "/run/systemd/system", "/usr/lib/systemd/system"];

/// What the files of a unit say.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Definition {
    /// The unit's own file.
    pub fragment: String,
    /// The files over it, in the order they are read.
    pub drop_ins: Vec<String>,
    /// Section, key and value, as they come.
    settings: Vec<(String, String, String)>,
}

/// The value of a line that may go on behind a backslash.
fn lines(text: &str) -> Vec<String> {
    let mut all: Vec<String> = Vec::new();
    let mut open = false;
    for line in text.lines() {
        let (line, goes_on) = line.strip_suffix('\\').map_or((line, false), |line| (line, true));
        match all.last_mut().filter(|_| open) {
            Some(last) => last.push_str(line),
            None => all.push(line.to_owned()),
        }
        open = goes_on;
    }
    all
}

impl Definition {
    /// Reads the files of a unit, if there is one of this name.
    pub fn read(root: &Root, name: &str) -> Option<Self> {
        let mut places = PLACES.iter().map(|place| format!("{place}/{name}"));
        let (fragment, text) = places.find_map(|path| root.text(&path).ok().map(|text| (path, text)))?;
        // The same name in a place that comes first hides the other.
        let mut drop_ins = BTreeMap::new();
        for place in PLACES.iter().rev() {
            let folder = format!("{place}/{name}.d");
            let names = root.list(&folder).unwrap_or_default();
            for name in names.into_iter().filter(|name| name.ends_with(".conf")) {
                drop_ins.insert(name.clone(), format!("{folder}/{name}"));
            }
        }
        let drop_ins: Vec<String> = drop_ins.into_values().collect();
        let mut read = Self { fragment, drop_ins: drop_ins.clone(), settings: Vec::new() };
        read.add(&text);
        drop_ins.iter().filter_map(|path| root.text(path).ok()).for_each(|text| read.add(&text));
        Some(read)
    }

    fn add(&mut self, text: &str) {
        let mut section = String::new();
        for line in lines(text) {
            let line = line.trim();
            if let Some(name) = line.strip_prefix('[').and_then(|line| line.strip_suffix(']')) {
                name.clone_into(&mut section);
            } else if let Some((key, value)) = line.split_once('=').filter(|_| !line.starts_with(['#', ';'])) {
                self.settings.push((section.clone(), key.trim().to_owned(), value.trim().to_owned()));
            }
        }
    }

    /// The values of a setting that adds up; an empty one takes back those before it.
    pub fn all(&self, section: &str, key: &str) -> Vec<&str> {
        let of_key = self.settings.iter().filter(|(of, name, _)| of == section && name == key);
        let mut values = Vec::new();
        for (.., value) in of_key {
            if value.is_empty() {
                values.clear();
            } else {
                values.push(value.as_str());
            }
        }
        values
    }

    /// The value of a setting of which the last counts.
    pub fn last(&self, section: &str, key: &str) -> Option<&str> {
        self.all(section, key).last().copied()
    }

    /// What the unit is called for people.
    pub fn description(&self) -> &str {
        self.last("Unit", "Description").unwrap_or_default()
    }

    /// Whether systemd starts it again when it ended, cleanly or not.
    pub fn restarts(&self, clean: bool) -> bool {
        match self.last("Service", "Restart") {
            Some("always") => true,
            Some("on-success") => clean,
            Some("on-failure" | "on-abnormal") => !clean,
            _ => false,
        }
    }

    /// Seconds until then: a tenth at least, so that one that ends at once costs little.
    pub fn pause(&self) -> f64 {
        let text = self.last("Service", "RestartSec").unwrap_or_default();
        let pause = text.trim_end_matches('s').parse().ok().filter(|pause: &f64| pause.is_finite());
        pause.unwrap_or_default().max(0.1)
    }

    /// The words its process is started with, variables filled in; an error in systemd's words.
    pub fn command(&self, root: &Root) -> Result<Vec<String>, String> {
        let mut variables = HashMap::new();
        for line in self.all("Service", "Environment") {
            variables.extend(words(line).iter().filter_map(|word| word.split_once('=')).map(owned));
        }
        for path in self.all("Service", "EnvironmentFile") {
            let (path, may_be_missing) = path.strip_prefix('-').map_or((path, false), |path| (path, true));
            match root.text(path) {
                Ok(text) => variables.extend(environment(&text)),
                Err(_) if may_be_missing => {}
                Err(_) => return Err("Failed to load environment files: No such file or directory".to_owned()),
            }
        }
        let line = self.last("Service", "ExecStart").unwrap_or_default();
        Ok(words(line.trim_start_matches(['-', '@', '+', '!', ':']))
            .iter()
            .flat_map(|word| expand(word, &variables))
            .collect())
    }
}

fn owned((key, value): (&str, &str)) -> (String, String) {
    (key.to_owned(), value.to_owned())
}

fn environment(text: &str) -> Vec<(String, String)> {
    let set = lines(text);
    let set = set.iter().map(|line| line.trim()).filter(|line| !line.starts_with(['#', ';']));
    set.filter_map(|line| line.split_once('=')).map(|(key, value)| (key.trim().to_owned(), unquoted(value))).collect()
}

fn unquoted(value: &str) -> String {
    let value = value.trim();
    let inner = |quote| value.strip_prefix(quote).and_then(|value: &str| value.strip_suffix(quote));
    inner('"').or_else(|| inner('\'')).unwrap_or(value).to_owned()
}

/// Words, taken apart at spaces that are not between quotes.
pub fn words(line: &str) -> Vec<String> {
    let (mut all, mut word, mut quote) = (Vec::new(), None::<String>, None);
    for letter in line.chars() {
        match (letter, quote) {
            (letter, Some(open)) if letter == open => quote = None,
            ('"' | '\'', None) => {
                quote = Some(letter);
                word.get_or_insert_default();
            }
            (letter, None) if letter.is_whitespace() => all.extend(word.take()),
            (letter, _) => word.get_or_insert_default().push(letter),
        }
    }
    all.extend(word);
    all
}

/// `$NAME` alone is as many words as its value has, `${NAME}` a part of one.
fn expand(word: &str, variables: &HashMap<String, String>) -> Vec<String> {
    if let Some(name) = word.strip_prefix('$').filter(|name| !name.starts_with('{')) {
        return variables.get(name).map(|value| words(value)).unwrap_or_default();
    }
    let mut whole = word.to_owned();
    for (name, value) in variables {
        whole = whole.replace(&format!("${{{name}}}"), value);
    }
    vec![whole]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn drop_ins_lie_over_the_fragment_and_those_of_etc_over_the_package() {
        let folder = tempfile::tempdir().unwrap();
        let root = Root::open(folder.path()).unwrap();
        let write = |path: &str, text: &str| root.write(path, text.as_bytes(), 0o644).unwrap();
        write(
            "/usr/lib/systemd/system/a.service",
            "[Unit]\nDescription=A\n[Service]\nExecStart=/bin/a\nRestartSec=10\n",
        );
        let over = "[Service]\nEnvironment=\"X=--one --two\"\nEnvironmentFile=-/etc/default/a\nExecStart=\nExecStart=/bin/a $X \\\n ${Y}z $NONE\n";
        write("/usr/lib/systemd/system/a.service.d/10.conf", over);
        write("/etc/systemd/system/a.service.d/20.conf", "[Service]\nRestart=always\n");
        write("/etc/default/a", "# said\nY=\"y y\"\n");
        let read = Definition::read(&root, "a.service").unwrap();
        assert_eq!(read.command(&root).unwrap(), ["/bin/a", "--one", "--two", "y yz"]);
        assert!(read.restarts(true) && read.description() == "A");
        for (written, pause) in [("10", 10.0), ("2s", 2.0), ("0", 0.1), ("inf", 0.1), ("soon", 0.1)] {
            write("/etc/systemd/system/a.service.d/30.conf", &format!("[Service]\nRestartSec={written}\n"));
            let found = Definition::read(&root, "a.service").unwrap().pause();
            assert!((found - pause).abs() < 1e-9, "{written}: {found}");
        }
        root.remove("/etc/systemd/system/a.service.d/30.conf").unwrap();
        assert_eq!(read.drop_ins.len(), 2);
        write("/etc/systemd/system/a.service.d/10.conf", "");
        assert_eq!(Definition::read(&root, "a.service").unwrap().command(&root).unwrap(), ["/bin/a"]);
    }
}
