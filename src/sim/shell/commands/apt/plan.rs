//! What an `apt-get` call would change: which packages come, go, or become newer or older.
//! Doing it, and asking before, is `install`'s. Source: `apt-private/private-install.cc`.

use std::cmp::Ordering;

use super::install::Wish;
use crate::sim::machine::packages::offers::Source;
use crate::sim::machine::packages::{Installed, Stanza, version};
use crate::sim::shell::flags::Flags;

/// The changes, packages by name in the order in which they are done.
#[derive(Default)]
pub struct Plan {
    /// Packages that are put in, with where they come from.
    pub put: Vec<(Stanza, Source)>,
    pub remove: Vec<String>,
    /// Those among `put` that were not asked for by name.
    pub besides: Vec<String>,
    /// What is told before: packages that are as they should be.
    pub notes: Vec<String>,
    /// Held packages that an upgrade leaves as they are.
    pub kept: Vec<String>,
}

/// The newest version there is of a package.
fn candidate<'a>(known: &'a [(Stanza, Source)], name: &str) -> Option<&'a (Stanza, Source)> {
    let of = known.iter().filter(|(stanza, _)| stanza.name() == name);
    of.max_by(|(one, _), (other, _)| version::compare(one.version(), other.version()))
}

impl Plan {
    /// Whether nothing changes.
    pub fn is_empty(&self) -> bool {
        self.put.is_empty() && self.remove.is_empty()
    }

    /// Works out what a wish comes to; errors in apt's words.
    pub fn of(
        wish: &Wish<'_>,
        flags: &Flags,
        (installed, known): (&Installed, &[(Stanza, Source)]),
    ) -> Result<Self, Vec<String>> {
        let mut plan = Self::default();
        let mut wrong = Vec::new();
        match wish {
            Wish::Install(names) => {
                for name in *names {
                    wrong.extend(plan.install(name, flags, (installed, known)).err());
                }
                plan.dependencies((installed, known));
            }
            Wish::Upgrade => plan.upgrade(installed, known),
            Wish::Remove(names) => {
                for name in *names {
                    plan.remove(name, (installed, known)).unwrap_or_else(|why| wrong.push(why));
                }
            }
        }
        if wrong.is_empty() { Ok(plan) } else { Err(wrong) }
    }

    fn install(
        &mut self,
        asked: &str,
        flags: &Flags,
        (installed, known): (&Installed, &[(Stanza, Source)]),
    ) -> Result<(), String> {
        let (name, wanted) = asked.split_once('=').map_or((asked, None), |(name, wanted)| (name, Some(wanted)));
        let name = name.split(':').next().unwrap_or(name);
        let there = installed.version(name);
        let Some(best) = candidate(known, name) else {
            return match there {
                Some(version) if wanted.is_none_or(|wanted| version::fits(wanted, version)) => {
                    self.notes.push(format!("{name} is already the newest version ({version})."));
                    Ok(())
                }
                Some(_) => Err(format!("E: Version '{}' for '{name}' was not found", wanted.unwrap_or_default())),
                None => Err(format!("E: Unable to locate package {name}")),
            };
        };
        if flags.on("only-upgrade") && there.is_none() {
            self.notes.push(format!("Skipping {name}, it is not installed and only upgrades are requested."));
            return Ok(());
        }
        let found = match wanted {
            None => Some(best),
            Some(wanted) => known
                .iter()
                .filter(|(stanza, _)| stanza.name() == name && version::fits(wanted, stanza.version()))
                .max_by(|(one, _), (other, _)| version::compare(one.version(), other.version())),
        };
        let Some(found) = found else {
            let wanted = wanted.unwrap_or_default();
            if there == Some(wanted) {
                self.notes.push(format!("{name} is already the newest version ({wanted})."));
                return Ok(());
            }
            return Err(format!("E: Version '{wanted}' for '{name}' was not found"));
        };
        let same = there == Some(found.0.version());
        let older = there.is_some_and(|there| version::compare(there, found.0.version()).is_gt());
        if !flags.on("reinstall") && (same || older && wanted.is_none()) {
            self.notes.push(format!("{name} is already the newest version ({}).", there.unwrap_or_default()));
        } else {
            self.put.push(found.clone());
        }
        Ok(())
    }

    /// Adds what the packages need and the machine does not have.
    fn dependencies(&mut self, (installed, known): (&Installed, &[(Stanza, Source)])) {
        let mut at = 0;
        while let Some((stanza, _)) = self.put.get(at).cloned() {
            for need in stanza.get("Depends").split(',').filter_map(|need| need.split_whitespace().next()) {
                let coming = self.put.iter().any(|(stanza, _)| stanza.name() == need);
                if let (false, None, Some(best)) = (coming, installed.get(need), candidate(known, need)) {
                    self.besides.push(need.to_owned());
                    self.put.push(best.clone());
                }
            }
            at += 1;
        }
    }

    fn upgrade(&mut self, installed: &Installed, known: &[(Stanza, Source)]) {
        for stanza in installed.all() {
            let Some(best) = candidate(known, stanza.name()) else { continue };
            if version::compare(best.0.version(), stanza.version()) != Ordering::Greater {
                continue;
            }
            if installed.is_held(stanza.name()) {
                self.kept.push(stanza.name().to_owned());
            } else {
                self.put.push(best.clone());
            }
        }
    }

    fn remove(&mut self, name: &str, (installed, known): (&Installed, &[(Stanza, Source)])) -> Result<(), String> {
        if installed.get(name).is_none() {
            if candidate(known, name).is_none() {
                return Err(format!("E: Unable to locate package {name}"));
            }
            self.notes.push(format!("Package '{name}' is not installed, so not removed"));
            return Ok(());
        }
        self.remove.push(name.to_owned());
        // Whoever needs it goes with it.
        let needing = installed.all().iter().filter(|stanza| {
            stanza.get("Depends").split(',').filter_map(|need| need.split_whitespace().next()).any(|need| need == name)
        });
        for other in needing.map(Stanza::name) {
            if !self.remove.iter().any(|gone| gone == other) {
                self.remove.push(other.to_owned());
            }
        }
        Ok(())
    }
}
