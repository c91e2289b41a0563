//! Starting, stopping and restarting units, with the words systemd writes into the journal.
//! What is typed is `shell/commands/systemctl.rs`. Source: systemd 255, `src/core/service.c`.

use jiff::{SignedDuration, Timestamp};

use super::{Active, CONTAINERD, Definition, KUBELET, QUIET, Quiet, Unit};
use crate::sim::machine::Machine;
use crate::sim::machine::journal::Entry;
use crate::sim::machine::root::Root;

/// Where a unit is linked that is to run when the machine starts.
const WANTS: &str = "/etc/systemd/system/multi-user.target.wants";

/// There is no unit of this name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unknown(pub String);

/// One look at a machine's services.
#[derive(Clone, Copy)]
pub struct Systemd<'a> {
    pub machine: &'a Machine,
    pub root: &'a Root,
    pub now: Timestamp,
}

impl Systemd<'_> {
    /// The whole name of a unit.
    pub fn named(name: &str) -> String {
        if name.contains('.') { name.to_owned() } else { format!("{name}.service") }
    }

    fn quiet(name: &str) -> Option<&'static Quiet> {
        QUIET.iter().find(|quiet| quiet.name == name)
    }

    /// What systemd knows of a unit: as its files were when it read them.
    pub fn loaded(&self, name: &str) -> Option<Definition> {
        let known = self.machine.services().unit(name).and_then(|unit| unit.loaded);
        known.or_else(|| Definition::read(self.root, name))
    }

    /// What a unit is called for people.
    pub fn description(&self, name: &str) -> Option<String> {
        let quiet = || Self::quiet(name).map(|quiet| quiet.description.to_owned());
        self.loaded(name).map(|loaded| loaded.description().to_owned()).or_else(quiet)
    }

    /// Whether files changed since systemd read them.
    pub fn is_stale(&self, name: &str) -> bool {
        let known = self.machine.services().unit(name).and_then(|unit| unit.loaded);
        known.is_some_and(|known| Definition::read(self.root, name) != Some(known))
    }

    /// The state of a unit; one that was never touched is as the machine was born.
    pub fn unit(&self, name: &str) -> Result<Unit, Unknown> {
        if let Some(unit) = self.machine.services().unit(name) {
            return Ok(unit);
        }
        let dead = Unit {
            active: Active::Dead,
            since: self.now,
            pid: 0,
            started: self.now,
            exit: None,
            restarts: 0,
            again: None,
            fresh: false,
            loaded: Definition::read(self.root, name),
        };
        match Self::quiet(name) {
            Some(quiet) => Ok(Unit { active: Active::Running, pid: quiet.pid, ..dead }),
            None if dead.loaded.is_some() => Ok(dead),
            None => Err(Unknown(name.to_owned())),
        }
    }

    fn put(&self, name: &str, unit: Unit) {
        self.machine.services().kept().units.insert(name.to_owned(), unit);
        self.machine.services().save();
    }

    /// Writes what systemd itself says of a unit.
    fn says(&self, name: &str, text: impl Into<String>) {
        let (unit, program) = (name.to_owned(), "systemd".to_owned());
        self.machine.journal().write(Entry { time: self.now, unit, program, pid: 1, text: text.into() });
    }

    fn spoken(&self, name: &str) -> String {
        format!("{name} - {}", self.description(name).unwrap_or_default())
    }

    fn next_pid(&self) -> u32 {
        let mut kept = self.machine.services().kept();
        kept.last_pid = kept.last_pid.max(1200) + 7;
        kept.last_pid
    }

    /// The units a machine is born with begin to run.
    pub fn boot(&self) {
        for name in [CONTAINERD, KUBELET] {
            let enabled = self.is_enabled(name);
            if enabled && self.machine.services().unit(name).is_none() {
                let _ = self.start(name);
            }
        }
    }

    /// Starts a unit that does not run.
    pub fn start(&self, name: &str) -> Result<(), Unknown> {
        let _turn = self.machine.services().turn();
        let unit = self.unit(name)?;
        if unit.active == Active::Running {
            return Ok(());
        }
        // By hand it counts from the start again.
        self.begin(name, Unit { restarts: 0, ..unit });
        Ok(())
    }

    fn begin(&self, name: &str, unit: Unit) {
        let loaded = unit.loaded.clone().or_else(|| Definition::read(self.root, name));
        let faulty = loaded.as_ref().and_then(|loaded| loaded.command(self.root).err());
        let unit = Unit { active: Active::Running, since: self.now, started: self.now, again: None, loaded, ..unit };
        if let Some(why) = faulty {
            self.says(name, format!("{name}: {why}"));
            self.says(name, format!("{name}: Failed to run 'start' task: No such file or directory"));
            return self.ended(name, unit, (None, "resources"));
        }
        self.says(name, format!("Started {}.", self.spoken(name)));
        self.put(name, Unit { pid: self.next_pid(), fresh: true, exit: None, ..unit });
    }

    /// Stops a unit, and what would start it again.
    pub fn stop(&self, name: &str) -> Result<(), Unknown> {
        let _turn = self.machine.services().turn();
        let unit = self.unit(name)?;
        if matches!(unit.active, Active::Dead | Active::Failed) {
            return Ok(());
        }
        if unit.active == Active::Running {
            self.says(name, format!("Stopping {}...", self.spoken(name)));
            self.says(name, format!("{name}: Deactivated successfully."));
        }
        self.says(name, format!("Stopped {}.", self.spoken(name)));
        self.put(name, Unit { active: Active::Dead, since: self.now, again: None, fresh: false, ..unit });
        Ok(())
    }

    /// A unit's process ended by itself. One that was stopped before is nothing to tell of.
    pub fn exited(&self, (name, pid): (&str, u32), code: u8) {
        let _turn = self.machine.services().turn();
        let unit = self.unit(name).ok().filter(|unit| unit.pid == pid && unit.active == Active::Running);
        let Some(unit) = unit else { return };
        let word = if code == 0 { "SUCCESS" } else { "FAILURE" };
        self.says(name, format!("{name}: Main process exited, code=exited, status={code}/{word}"));
        self.ended(name, unit, (Some(code), "exit-code"));
    }

    /// A unit's process got a signal. Those that ask to end are heeded, which counts as a clean end.
    pub fn killed(&self, name: &str, (signal, word): (u8, &str)) {
        let _turn = self.machine.services().turn();
        let Ok(unit) = self.unit(name) else { return };
        // One nothing hangs on is there again before anybody looks; what goes on goes on.
        if unit.active != Active::Running || Self::quiet(name).is_some() || matches!(signal, 18 | 19) {
            return;
        }
        if matches!(signal, 1 | 2 | 13 | 15) {
            self.says(name, format!("{name}: Deactivated successfully."));
            return self.rests(name, Unit { exit: Some(0), ..unit }, Active::Dead);
        }
        self.says(name, format!("{name}: Main process exited, code=killed, status={signal}/{word}"));
        self.ended(name, unit, (None, "signal"));
    }

    fn ended(&self, name: &str, unit: Unit, (exit, result): (Option<u8>, &str)) {
        self.says(name, format!("{name}: Failed with result '{result}'."));
        self.rests(name, Unit { exit, ..unit }, Active::Failed);
    }

    /// A unit whose process is gone waits until it is started again, where its files say so; otherwise it is as told.
    fn rests(&self, name: &str, unit: Unit, otherwise: Active) {
        let unit = Unit { since: self.now, fresh: false, ..unit };
        let loaded = unit.loaded.as_ref().filter(|loaded| loaded.restarts(otherwise == Active::Dead));
        let again = loaded.map(Definition::pause);
        self.put(
            name,
            match again {
                Some(pause) => {
                    let pause = SignedDuration::try_from_secs_f64(pause).unwrap_or_default();
                    Unit {
                        active: Active::AutoRestart,
                        again: Some(self.now.saturating_add(pause).unwrap_or(Timestamp::MAX)),
                        ..unit
                    }
                }
                None => Unit { active: otherwise, again: None, ..unit },
            },
        );
    }

    /// Starts what is due by itself.
    pub fn tick(&self) {
        let _turn = self.machine.services().turn();
        let due: Vec<(String, Unit)> = {
            let kept = self.machine.services().kept();
            let due = kept.units.iter().filter(|(_, unit)| unit.again.is_some_and(|again| again <= self.now));
            due.map(|(name, unit)| (name.clone(), unit.clone())).collect()
        };
        for (name, unit) in due {
            let restarts = unit.restarts + 1;
            self.says(&name, format!("{name}: Scheduled restart job, restart counter is at {restarts}."));
            self.begin(&name, Unit { restarts, ..unit });
        }
    }

    /// Reads the files of all units again.
    pub fn reload(&self) {
        let _turn = self.machine.services().turn();
        let names: Vec<String> = self.machine.services().kept().units.keys().cloned().collect();
        for name in names {
            let read = Definition::read(self.root, &name);
            if let (Ok(unit), true) = (self.unit(&name), read.is_some()) {
                self.put(&name, Unit { loaded: read, ..unit });
            }
        }
        let (time, program) = (self.now, "systemd".to_owned());
        let text = "Reloading...".to_owned();
        self.machine.journal().write(Entry { time, unit: "init.scope".to_owned(), program, pid: 1, text });
    }

    /// Whether a unit is started with the machine.
    pub fn is_enabled(&self, name: &str) -> bool {
        let linked = self.root.list(WANTS).is_ok_and(|names| names.iter().any(|linked| linked == name));
        linked || Self::quiet(name).is_some()
    }

    /// Links a unit, or takes the link away. Gives what `systemctl` says of it.
    pub fn enable(&self, name: &str, on: bool) -> Result<Option<String>, Unknown> {
        let fragment = self.unit(name)?.loaded.map(|loaded| loaded.fragment);
        let link = format!("{WANTS}/{name}");
        match (self.is_enabled(name), on, fragment) {
            (false, true, Some(fragment)) => {
                let made = self.root.link(&fragment, &link);
                Ok(made.is_ok().then(|| format!("Created symlink {link} → {fragment}.")))
            }
            (true, false, Some(_)) => {
                let gone = self.root.remove(&link);
                Ok(gone.is_ok().then(|| format!("Removed \"{link}\".")))
            }
            _ => Ok(None),
        }
    }
}
