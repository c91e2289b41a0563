//! `systemctl`: the services of a node, looked at, started and stopped.
//! What that does stands in `machine/services`. Source: systemd 255, `src/systemctl`.

use jiff::Timestamp;

use crate::sim::machine::services::{Active, QUIET, Systemd, Unit, Unknown};
use crate::sim::shell::call::Call;
use crate::sim::shell::flags::{Flags, Known};

static KNOWN: Known = &[
    ("now", '\0', false),
    ("no-pager", '\0', false),
    ("full", 'l', false),
    ("lines", 'n', true),
    ("output", 'o', true),
    ("quiet", 'q', false),
    ("type", 't', true),
    ("state", '\0', true),
    ("all", 'a', false),
    ("property", 'p', true),
    ("value", '\0', false),
    ("failed", '\0', false),
    ("no-legend", '\0', false),
    ("plain", '\0', false),
    ("force", 'f', false),
    ("no-block", '\0', false),
];

/// Units every machine has that hang on the cluster.
const OWN: [&str; 2] = ["containerd.service", "kubelet.service"];

/// Runs it.
pub async fn run(call: Call) -> u8 {
    let flags = match Flags::read(call.args(), &[KNOWN]) {
        Ok(flags) => flags,
        Err(why) => {
            call.complain(why.replace("unknown flag: ", "systemctl: unrecognized option '") + "'");
            return 1;
        }
    };
    let verb = flags.rest.first().map_or("list-units", String::as_str).to_owned();
    let names: Vec<String> = flags.rest.iter().skip(1).map(|name| Systemd::named(name)).collect();
    perform(&call, (&flags, &verb, &names))
}

/// What `service NAME VERB` and `systemctl VERB NAME…` have in common.
pub fn perform(call: &Call, (flags, verb, names): (&Flags, &str, &[String])) -> u8 {
    let root = match call.files() {
        Ok(root) => root,
        Err(error) => {
            call.complain(format_args!("Failed to connect to bus: {error}"));
            return 1;
        }
    };
    let systemd = Systemd { machine: &call.machine, root, now: call.inside.client.clock().now() };
    let asked = Asked { call, flags, systemd };
    let needs_names =
        !matches!(verb, "list-units" | "list-unit-files" | "daemon-reload" | "is-system-running" | "status" | "show");
    if needs_names && names.is_empty() {
        call.complain("Too few arguments.");
        return 1;
    }
    match verb {
        "status" if names.is_empty() => asked.list_units(),
        "status" => asked.each(names, Asked::status),
        "start" | "stop" | "restart" | "reload-or-restart" | "try-restart" | "reload" => asked.change(verb, names),
        "enable" | "disable" | "reenable" => asked.enable(verb != "disable", names),
        "is-active" => asked.say_each(names, |unit| (unit.active.word().to_owned(), unit.active == Active::Running), 3),
        "is-failed" => asked.say_each(names, |unit| (unit.active.word().to_owned(), unit.active == Active::Failed), 1),
        "is-enabled" => asked.each(names, Asked::is_enabled),
        "daemon-reload" | "daemon-reexec" => {
            systemd.reload();
            0
        }
        "reset-failed" => 0,
        "is-system-running" => {
            call.say("running");
            0
        }
        "cat" => asked.each(names, Asked::cat),
        "show" => asked.each(names, Asked::show),
        "list-units" => asked.list_units(),
        "list-unit-files" => asked.list_unit_files(),
        "edit" => {
            call.complain("Cannot edit units if not on a tty: write a drop-in such as /etc/systemd/system/NAME.service.d/override.conf, then systemctl daemon-reload.");
            1
        }
        verb => {
            call.complain(format_args!("Unknown command verb '{verb}'."));
            1
        }
    }
}

struct Asked<'a> {
    call: &'a Call,
    flags: &'a Flags,
    systemd: Systemd<'a>,
}

/// `Wed 2026-03-04 12:30:00 UTC`.
fn stamp(time: Timestamp) -> String {
    time.strftime("%a %Y-%m-%d %H:%M:%S UTC").to_string()
}

/// A span of time as systemd tells it: `2min 3s ago`, the two largest parts.
fn ago(then: Timestamp, now: Timestamp) -> String {
    let seconds = now.duration_since(then).as_secs().max(0);
    let parts = [("day", seconds / 86400), ("h", seconds / 3600 % 24), ("min", seconds / 60 % 60), ("s", seconds % 60)];
    let said = parts.iter().filter(|(_, count)| *count > 0).take(2).map(|(word, count)| match *word {
        "day" if *count == 1 => "1 day".to_owned(),
        "day" => format!("{count} days"),
        word => format!("{count}{word}"),
    });
    let said: Vec<String> = said.collect();
    if said.is_empty() { "0s ago".to_owned() } else { format!("{} ago", said.join(" ")) }
}

impl Asked<'_> {
    fn each(&self, names: &[String], what: impl Fn(&Self, &str) -> u8) -> u8 {
        names.iter().map(|name| what(self, name)).fold(0, u8::max)
    }

    fn say_each(&self, names: &[String], word: impl Fn(&Unit) -> (String, bool), otherwise: u8) -> u8 {
        let mut any = false;
        for name in names {
            let (said, good) =
                self.systemd.unit(name).map_or_else(|_| ("inactive".to_owned(), false), |unit| word(&unit));
            any |= good;
            if !self.flags.on("quiet") {
                self.call.say(said);
            }
        }
        match (any, names.iter().all(|name| self.systemd.unit(name).is_err())) {
            (true, _) => 0,
            (false, true) => 4,
            (false, false) => otherwise,
        }
    }

    fn warn(&self, name: &str) {
        if self.systemd.is_stale(name) {
            self.call.complain(format_args!(
                "Warning: The unit file, source configuration file or drop-ins of {name} changed on disk. Run 'systemctl daemon-reload' to reload units."
            ));
        }
    }

    fn change(&self, verb: &str, names: &[String]) -> u8 {
        let mut code = 0;
        for name in names {
            self.warn(name);
            let done = match verb {
                "start" => self.systemd.start(name),
                "stop" => self.systemd.stop(name),
                "try-restart" if !self.call.machine.services().is_running(name) => Ok(()),
                "reload" => {
                    self.call.complain(format_args!(
                        "Failed to reload {name}: Job type reload is not applicable for unit {name}."
                    ));
                    code = 1;
                    continue;
                }
                _ => self.systemd.stop(name).and_then(|()| self.systemd.start(name)),
            };
            if let Err(Unknown(name)) = done {
                let verb = if verb == "reload-or-restart" || verb == "try-restart" { "restart" } else { verb };
                self.call.complain(match verb {
                    "stop" => format!("Failed to stop {name}: Unit {name} not loaded."),
                    verb => format!("Failed to {verb} {name}: Unit {name} not found."),
                });
                code = 5;
            }
        }
        code
    }

    fn enable(&self, on: bool, names: &[String]) -> u8 {
        for name in names {
            match self.systemd.enable(name, on) {
                Ok(said) => said.iter().for_each(|said| self.call.complain(said)),
                Err(Unknown(name)) => {
                    let verb = if on { "enable" } else { "disable" };
                    self.call.complain(format_args!("Failed to {verb} unit: Unit file {name} does not exist."));
                    return 1;
                }
            }
        }
        match (self.flags.on("now"), on) {
            (true, true) => self.change("start", names),
            (true, false) => self.change("stop", names),
            _ => 0,
        }
    }

    fn is_enabled(&self, name: &str) -> u8 {
        if self.systemd.unit(name).is_err() {
            self.call.complain(format_args!("Failed to get unit file state for {name}: No such file or directory"));
            return 4;
        }
        let enabled = self.systemd.is_enabled(name);
        self.call.say(if enabled { "enabled" } else { "disabled" });
        u8::from(!enabled)
    }

    fn cat(&self, name: &str) -> u8 {
        let Some(loaded) = self.systemd.loaded(name) else {
            self.call.complain(format_args!("No files found for {name}."));
            return 1;
        };
        self.warn(name);
        for (number, path) in std::iter::once(&loaded.fragment).chain(&loaded.drop_ins).enumerate() {
            let gap = if number > 0 { "\n" } else { "" };
            self.call.print(format_args!("{gap}# {path}\n{}", self.systemd.root.text(path).unwrap_or_default()));
        }
        0
    }

    fn show(&self, name: &str) -> u8 {
        let Ok(unit) = self.systemd.unit(name) else { return 0 };
        let loaded = unit.loaded.clone().unwrap_or_default();
        let running = unit.active == Active::Running;
        let all = [
            ("Id", name.to_owned()),
            ("Description", self.systemd.description(name).unwrap_or_default()),
            ("LoadState", "loaded".to_owned()),
            ("ActiveState", unit.active.word().to_owned()),
            ("SubState", unit.active.sub().to_owned()),
            ("MainPID", if running { unit.pid } else { 0 }.to_string()),
            ("NRestarts", unit.restarts.to_string()),
            ("ExecMainStatus", unit.exit.unwrap_or_default().to_string()),
            ("Result", if unit.exit.is_some_and(|code| code != 0) { "exit-code" } else { "success" }.to_owned()),
            ("FragmentPath", loaded.fragment.clone()),
            ("DropInPaths", loaded.drop_ins.join(" ")),
            ("UnitFileState", if self.systemd.is_enabled(name) { "enabled" } else { "disabled" }.to_owned()),
            ("NeedDaemonReload", if self.systemd.is_stale(name) { "yes" } else { "no" }.to_owned()),
            ("ExecMainStartTimestamp", stamp(unit.started)),
            ("ActiveEnterTimestamp", stamp(unit.since)),
        ];
        let wanted = self.flags.all("property");
        for (key, value) in all.iter().filter(|(key, _)| wanted.is_empty() || wanted.contains(key)) {
            self.call.say(if self.flags.on("value") { value.clone() } else { format!("{key}={value}") });
        }
        0
    }

    fn status(&self, name: &str) -> u8 {
        let Ok(unit) = self.systemd.unit(name) else {
            self.call.complain(format_args!("Unit {name} could not be found."));
            return 4;
        };
        self.warn(name);
        let loaded = unit.loaded.clone().unwrap_or_default();
        let fragment = if loaded.fragment.is_empty() {
            format!("/usr/lib/systemd/system/{name}")
        } else {
            loaded.fragment.clone()
        };
        let enabled = if self.systemd.is_enabled(name) { "enabled" } else { "disabled" };
        let bullet = match unit.active {
            Active::Running | Active::AutoRestart => "●",
            Active::Failed => "×",
            Active::Dead => "○",
        };
        let description = self.systemd.description(name).unwrap_or_default();
        self.call.say(format_args!("{bullet} {name} - {description}"));
        self.call.say(format_args!("     Loaded: loaded ({fragment}; {enabled}; preset: enabled)"));
        self.drop_ins(&loaded.drop_ins);
        self.active(&unit);
        for (number, page) in loaded.all("Unit", "Documentation").iter().enumerate() {
            self.call.say(format_args!("{:>11} {page}", if number == 0 { "Docs:" } else { "" }));
        }
        self.process(name, &unit);
        self.journal(name);
        if unit.active == Active::Running { 0 } else { 3 }
    }

    fn drop_ins(&self, paths: &[String]) {
        let Some((folder, _)) = paths.first().and_then(|path| path.rsplit_once('/')) else { return };
        self.call.say(format_args!("    Drop-In: {folder}"));
        let names: Vec<&str> = paths.iter().filter_map(|path| path.rsplit('/').next()).collect();
        self.call.say(format_args!("             └─{}", names.join(", ")));
    }

    fn active(&self, unit: &Unit) {
        let (active, sub) = (unit.active.word(), unit.active.sub());
        let since = format!("since {}; {}", stamp(unit.since), ago(unit.since, self.systemd.now));
        let result = match unit.active {
            Active::AutoRestart | Active::Failed if unit.exit != Some(0) => " (Result: exit-code)",
            _ => "",
        };
        self.call.say(format_args!("     Active: {active} ({sub}){result} {since}"));
    }

    fn process(&self, name: &str, unit: &Unit) {
        let words = unit.loaded.as_ref().and_then(|loaded| loaded.command(self.systemd.root).ok()).unwrap_or_default();
        let program =
            words.first().and_then(|word| word.rsplit('/').next()).unwrap_or_else(|| name.trim_end_matches(".service"));
        match (unit.active, unit.exit) {
            (Active::Running, _) => {
                self.call.say(format_args!("   Main PID: {} ({program})", unit.pid));
                self.call.say("      Tasks: 11 (limit: 4613)\n     Memory: 34.2M (peak: 36.1M)\n        CPU: 1.204s");
                self.call.say(format_args!("     CGroup: /system.slice/{name}"));
                let line = if words.is_empty() { program.to_owned() } else { words.join(" ") };
                self.call.say(format_args!("             └─{} {line}", unit.pid));
            }
            (_, Some(code)) => {
                let word = if code == 0 { "SUCCESS" } else { "FAILURE" };
                let line = words.join(" ");
                self.call.say(format_args!(
                    "    Process: {} ExecStart={line} (code=exited, status={code}/{word})",
                    unit.pid
                ));
                self.call.say(format_args!(
                    "   Main PID: {} (code=exited, status={code}/{word})\n        CPU: 53ms",
                    unit.pid
                ));
            }
            (_, None) if unit.pid > 0 => {
                self.call.say(format_args!(
                    "   Main PID: {} (code=exited, status=0/SUCCESS)\n        CPU: 1.204s",
                    unit.pid
                ));
            }
            _ => {}
        }
    }

    fn journal(&self, name: &str) {
        let count = self.flags.get("lines").and_then(|lines| lines.parse().ok()).unwrap_or(10);
        let entries = self.call.machine.journal().entries();
        let own: Vec<_> = entries.iter().filter(|entry| entry.unit == name).collect();
        if own.is_empty() || count == 0 {
            return;
        }
        self.call.say("");
        for entry in &own[own.len().saturating_sub(count)..] {
            let time = entry.time.strftime("%b %d %H:%M:%S");
            let line = format!("{time} {} {}[{}]: {}", self.call.machine.name, entry.program, entry.pid, entry.text);
            let width = self.call.columns.map(usize::from).filter(|_| !self.flags.on("full"));
            match width {
                Some(width) if line.chars().count() > width => {
                    self.call.say(line.chars().take(width.saturating_sub(1)).chain(['>']).collect::<String>());
                }
                _ => self.call.say(line),
            }
        }
    }

    /// Names of all units, those of the cluster among them.
    fn names(&self) -> Vec<String> {
        let mut names: Vec<String> = QUIET.iter().map(|quiet| quiet.name).chain(OWN).map(str::to_owned).collect();
        let own = self.systemd.root.list("/etc/systemd/system").unwrap_or_default();
        names.extend(own.into_iter().filter(|name| name.ends_with(".service")));
        names.sort();
        names.dedup();
        names
    }

    fn list_units(&self) -> u8 {
        let wanted = self.flags.get("state").or(self.flags.on("failed").then_some("failed"));
        self.call.say("  UNIT                       LOAD   ACTIVE     SUB          DESCRIPTION");
        let mut count = 0;
        for name in self.names() {
            let Ok(unit) = self.systemd.unit(&name) else { continue };
            let words = [unit.active.word(), unit.active.sub()];
            let shown = match wanted {
                Some(wanted) => words.contains(&wanted),
                None => self.flags.on("all") || unit.active != Active::Dead,
            };
            if shown {
                count += 1;
                let bullet = if unit.active == Active::Failed { "●" } else { " " };
                let description = self.systemd.description(&name).unwrap_or_default();
                self.call
                    .say(format_args!("{bullet} {name:<26} loaded {:<10} {:<12} {description}", words[0], words[1]));
            }
        }
        self.call.say(format_args!("\n{count} loaded units listed."));
        0
    }

    fn list_unit_files(&self) -> u8 {
        self.call.say("UNIT FILE                  STATE    PRESET");
        let names = self.names();
        for name in &names {
            let state = if self.systemd.is_enabled(name) { "enabled" } else { "disabled" };
            self.call.say(format_args!("{name:<26} {state:<8} enabled"));
        }
        self.call.say(format_args!("\n{} unit files listed.", names.len()));
        0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_told_by_their_two_largest_parts() {
        let then: Timestamp = "2026-03-04T12:30:00Z".parse().unwrap();
        let after = |seconds| ago(then, then + jiff::SignedDuration::from_secs(seconds));
        assert_eq!(after(0), "0s ago");
        assert_eq!(after(125), "2min 5s ago");
        assert_eq!(after(90_061), "1 day 1h ago");
        assert_eq!(stamp(then), "Wed 2026-03-04 12:30:00 UTC");
    }
}
