//! Flags as the Go programs on a node read them (github.com/spf13/pflag), with their errors.
//! Which flags there are is each command's.

use std::collections::BTreeMap;

/// Flags a command knows: long name, one letter or `'\0'`, and whether a value follows.
pub type Known = &'static [(&'static str, char, bool)];

/// What was given.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Flags {
    given: BTreeMap<&'static str, Vec<String>>,
    /// What is no flag, in order.
    pub rest: Vec<String>,
}

impl Flags {
    /// Reads arguments. Errors are pflag's words, without the program's name.
    pub fn read(args: &[String], known: &[Known]) -> Result<Self, String> {
        let mut flags = Self::default();
        let mut args = args.iter();
        let all = || known.iter().flat_map(|known| known.iter());
        while let Some(arg) = args.next() {
            if arg == "--" {
                flags.rest.extend(args.by_ref().cloned());
            } else if let Some(long) = arg.strip_prefix("--") {
                let (name, value) = long.split_once('=').map_or((long, None), |(name, value)| (name, Some(value)));
                let found = all().find(|(known, ..)| *known == name);
                let (name, _, takes) = *found.ok_or_else(|| format!("unknown flag: --{name}"))?;
                let value = match (value, takes) {
                    (Some(value), _) => value.to_owned(),
                    (None, false) => "true".to_owned(),
                    (None, true) => args.next().cloned().ok_or_else(|| format!("flag needs an argument: --{name}"))?,
                };
                flags.given.entry(name).or_default().push(value);
            } else if arg.len() > 1 && arg.starts_with('-') {
                flags.letters(arg, &mut args, &all().copied().collect::<Vec<_>>())?;
            } else {
                flags.rest.push(arg.clone());
            }
        }
        Ok(flags)
    }

    fn letters<'a>(
        &mut self,
        arg: &str,
        args: &mut impl Iterator<Item = &'a String>,
        known: &[(&'static str, char, bool)],
    ) -> Result<(), String> {
        for (at, letter) in arg[1..].char_indices() {
            let found = known.iter().find(|(_, known, _)| *known == letter);
            let (name, _, takes) = *found.ok_or_else(|| format!("unknown shorthand flag: '{letter}' in {arg}"))?;
            let after = arg[1 + at + letter.len_utf8()..].trim_start_matches('=');
            let value = match (takes, after) {
                (false, _) => "true".to_owned(),
                (true, "") => {
                    args.next().cloned().ok_or_else(|| format!("flag needs an argument: '{letter}' in {arg}"))?
                }
                (true, after) => after.to_owned(),
            };
            self.given.entry(name).or_default().push(value);
            if takes {
                break;
            }
        }
        Ok(())
    }

    /// A flag's value; the last one counts.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.given.get(name).and_then(|values| values.last()).map(String::as_str)
    }

    /// All values of a flag that may be given more than once, commas between them taken apart.
    pub fn all(&self, name: &str) -> Vec<&str> {
        self.given.get(name).into_iter().flatten().flat_map(|value| value.split(',')).collect()
    }

    /// The same as texts of their own.
    pub fn texts(&self, name: &str) -> Vec<String> {
        self.all(name).into_iter().map(str::to_owned).collect()
    }

    /// Whether a switch is on.
    pub fn on(&self, name: &str) -> bool {
        self.get(name).is_some_and(|value| value != "false")
    }

    /// The names of those that were given.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.given.keys().copied()
    }

    /// The same with these flags alone.
    pub fn only(&self, names: &[&str]) -> Self {
        let given = self.given.iter().filter(|(name, _)| names.contains(name));
        Self { given: given.map(|(name, values)| (*name, values.clone())).collect(), rest: Vec::new() }
    }

    /// Whether a flag was given at all.
    pub fn has(&self, name: &str) -> bool {
        self.given.contains_key(name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KNOWN: Known = &[("unit", 'u', true), ("follow", 'f', false), ("lines", 'n', true), ("cert", '\0', true)];

    fn read(line: &str) -> Result<Flags, String> {
        Flags::read(&line.split(' ').map(str::to_owned).collect::<Vec<_>>(), &[KNOWN])
    }

    #[test]
    fn flags_are_read_as_pflag_reads_them() {
        let flags = read("save -fu kubelet -n5 --cert=a,b --cert c db.snap -- -x").unwrap();
        assert_eq!(flags.get("unit"), Some("kubelet"));
        assert_eq!(flags.get("lines"), Some("5"));
        assert_eq!(flags.all("cert"), ["a", "b", "c"]);
        assert!(flags.on("follow"));
        assert_eq!(flags.rest, ["save", "db.snap", "-x"]);
        assert_eq!(read("--nope").unwrap_err(), "unknown flag: --nope");
        assert_eq!(read("--cert").unwrap_err(), "flag needs an argument: --cert");
        assert_eq!(read("-fx").unwrap_err(), "unknown shorthand flag: 'x' in -fx");
    }
}
