//! `apt-get install`, `upgrade` and `remove`: tells what will change, asks where apt asks, and does it.
//! What a wish comes to is `plan`'s. Source: `apt-private/private-install.cc`, dpkg's messages.

use std::fmt::Write as _;
use std::io;

use super::plan::Plan;
use super::{failed, is_dry, is_yes};
use crate::sim::machine::packages::{Installed, Stanza, known, version};
use crate::sim::machine::root::Root;
use crate::sim::shell::call::Call;
use crate::sim::shell::flags::Flags;

/// What is wanted.
pub enum Wish<'a> {
    Install(&'a [String]),
    Upgrade,
    Remove(&'a [String]),
}

/// The packages a plan changes, by what happens to them.
struct Kinds {
    upgraded: Vec<String>,
    downgraded: Vec<String>,
    new: Vec<String>,
    held: Vec<String>,
}

impl Kinds {
    fn of(plan: &Plan, installed: &Installed) -> Self {
        let mut kinds = Self { upgraded: Vec::new(), downgraded: Vec::new(), new: Vec::new(), held: Vec::new() };
        for (stanza, _) in &plan.put {
            let name = stanza.name().to_owned();
            if installed.is_held(&name) {
                kinds.held.push(name.clone());
            }
            match installed.version(&name) {
                None => kinds.new.push(name),
                Some(old) if version::compare(old, stanza.version()).is_gt() => kinds.downgraded.push(name),
                Some(_) => kinds.upgraded.push(name),
            }
        }
        kinds.held.extend(plan.remove.iter().filter(|name| installed.is_held(name)).cloned());
        kinds
    }
}

/// Runs it.
pub async fn run(call: &mut Call, flags: &Flags, wish: Wish<'_>) -> u8 {
    let (plan, installed) = {
        let root = match call.files() {
            Ok(root) => root,
            Err(why) => return failed(call, format_args!("E: {why}")),
        };
        let (installed, known) = (Installed::of(root), known(root));
        call.say("Reading package lists... Done\nBuilding dependency tree... Done\nReading state information... Done");
        match Plan::of(&wish, flags, (&installed, &known)) {
            Ok(plan) => (plan, installed),
            Err(wrong) => {
                wrong.iter().for_each(|line| call.complain(line));
                return super::FAILED;
            }
        }
    };
    let kinds = Kinds::of(&plan, &installed);
    call.print(told(&plan, &kinds));
    call.say(counted(call, &plan, &kinds));
    if plan.is_empty() {
        return 0;
    }
    if let Err(why) = consent(call, flags, (&plan, &kinds)).await {
        return failed(call, why);
    }
    if is_dry(flags) {
        plan.put.iter().for_each(|(stanza, _)| call.say(format_args!("Inst {} ({})", stanza.name(), stanza.version())));
        plan.remove.iter().for_each(|name| call.say(format_args!("Remv {name}")));
        return 0;
    }
    match change(call, &plan, installed) {
        Ok(()) => 0,
        Err(why) => failed(call, format_args!("E: {why}")),
    }
}

fn told(plan: &Plan, kinds: &Kinds) -> String {
    let mut text: String = plan.notes.iter().map(|note| format!("{note}\n")).collect();
    let groups = [
        ("The following additional packages will be installed:", &plan.besides),
        ("The following packages have been kept back:", &plan.kept),
        ("The following packages will be REMOVED:", &plan.remove),
        ("The following NEW packages will be installed:", &kinds.new),
        ("The following held packages will be changed:", &kinds.held),
        ("The following packages will be upgraded:", &kinds.upgraded),
        ("The following packages will be DOWNGRADED:", &kinds.downgraded),
    ];
    for (title, names) in groups.into_iter().filter(|(_, names)| !names.is_empty()) {
        let mut names = names.clone();
        names.sort();
        let _ = writeln!(text, "{title}\n  {}", names.join(" "));
    }
    text
}

fn counted(call: &Call, plan: &Plan, kinds: &Kinds) -> String {
    let left = call.files().map(|root| upgradable(root, plan)).unwrap_or_default();
    let downgraded = match kinds.downgraded.len() {
        0 => String::new(),
        count => format!("{count} downgraded, "),
    };
    format!(
        "{} upgraded, {} newly installed, {downgraded}{} to remove and {left} not upgraded.",
        kinds.upgraded.len(),
        kinds.new.len(),
        plan.remove.len(),
    )
}

/// How many packages could be newer when the plan is done.
fn upgradable(root: &Root, plan: &Plan) -> usize {
    let (installed, known) = (Installed::of(root), known(root));
    let after = |stanza: &Stanza| {
        let put = plan.put.iter().find(|(put, _)| put.name() == stanza.name());
        put.map_or_else(|| stanza.version().to_owned(), |(put, _)| put.version().to_owned())
    };
    let newer = |stanza: &&Stanza| {
        let version = after(stanza);
        !plan.remove.iter().any(|name| name == stanza.name())
            && known.iter().any(|(offered, _)| {
                offered.name() == stanza.name() && version::compare(offered.version(), &version).is_gt()
            })
    };
    installed.all().iter().filter(newer).count()
}

/// Asks where apt asks: for what was not asked for by name, and for what should not happen by chance.
async fn consent(call: &mut Call, flags: &Flags, (plan, kinds): (&Plan, &Kinds)) -> Result<(), String> {
    if is_dry(flags) {
        return Ok(());
    }
    if is_yes(flags) {
        if !kinds.downgraded.is_empty() && !flags.on("allow-downgrades") {
            return Err("E: Packages were downgraded and -y was used without --allow-downgrades.".to_owned());
        }
        if !kinds.held.is_empty() && !flags.on("allow-change-held-packages") {
            return Err(
                "E: Held packages were changed and -y was used without --allow-change-held-packages.".to_owned()
            );
        }
    }
    let (archive, after) = sizes(call, plan);
    if archive > 0 {
        call.say(format_args!("Need to get {} of archives.", size(archive)));
    }
    let amount = size(after.unsigned_abs());
    call.say(match after < 0 {
        true => format!("After this operation, {amount} disk space will be freed."),
        false => format!("After this operation, {amount} of additional disk space will be used."),
    });
    let asks = !plan.besides.is_empty() || !plan.remove.is_empty() || !kinds.downgraded.is_empty();
    if is_yes(flags) || (!asks && kinds.held.is_empty()) {
        return Ok(());
    }
    call.print("Do you want to continue? [Y/n] ");
    match call.line().await.as_deref().map(str::trim) {
        Some("" | "y" | "Y" | "yes") => Ok(()),
        _ => Err("Abort.".to_owned()),
    }
}

/// Bytes to fetch, and bytes more on the disk.
fn sizes(call: &Call, plan: &Plan) -> (u64, i64) {
    let number = |stanza: &Stanza, field: &str| stanza.get(field).parse::<i64>().unwrap_or_default();
    let installed = call.files().map(|root| Installed::of(root).all().to_vec()).unwrap_or_default();
    let old = |name: &str| {
        installed.iter().find(|stanza| stanza.name() == name).map_or(0, |stanza| number(stanza, "Installed-Size"))
    };
    let fetched: i64 = plan.put.iter().map(|(stanza, _)| number(stanza, "Size")).sum();
    let put: i64 = plan.put.iter().map(|(stanza, _)| number(stanza, "Installed-Size") - old(stanza.name())).sum();
    let gone: i64 = plan.remove.iter().map(|name| old(name)).sum();
    (fetched.unsigned_abs(), (put - gone) * 1024)
}

/// A size as apt writes it.
fn size(bytes: u64) -> String {
    match bytes {
        0..1_000 => format!("{bytes} B"),
        1_000..10_000_000 => format!("{} kB", bytes / 1_000),
        _ => format!("{}.{} MB", bytes / 1_000_000, bytes / 100_000 % 10),
    }
}

fn change(call: &Call, plan: &Plan, mut installed: Installed) -> io::Result<()> {
    let root = call.files()?;
    for (number, (stanza, source)) in (1_usize..).zip(&plan.put) {
        let (at, bytes) = (source.answering(), stanza.get("Size").parse().unwrap_or_default());
        let suite = if source.suite == "/" { "".to_owned() } else { format!("{}/main amd64", source.suite) };
        call.say(format_args!("Get:{number} {at} {suite} {} {} [{}]", stanza.name(), stanza.version(), size(bytes)));
    }
    if !plan.put.is_empty() {
        let (fetched, _) = sizes(call, plan);
        call.say(format_args!("Fetched {} in 1s ({}/s)", size(fetched), size(fetched)));
    }
    call.say("(Reading database ... 67463 files and directories currently installed.)");
    for name in &plan.remove {
        let version = installed.version(name).unwrap_or_default();
        call.say(format_args!("Removing {name} ({version}) ..."));
        installed.remove(name);
        unpack(root, name, false)?;
    }
    for (stanza, _) in &plan.put {
        let (name, version) = (stanza.name(), stanza.version());
        let over = installed.version(name).map(|old| format!(" over ({old})")).unwrap_or_default();
        call.say(format_args!(
            "Preparing to unpack .../{name}_{version}_amd64.deb ...\nUnpacking {name} ({version}){over} ..."
        ));
    }
    for (stanza, _) in &plan.put {
        call.say(format_args!("Setting up {} ({}) ...", stanza.name(), stanza.version()));
        unpack(root, stanza.name(), true)?;
        installed.put(stanza.clone());
    }
    installed.save(root)
}

/// Files a package brings that systemd reads: new ones are not known to it until it is told.
fn unpack(root: &Root, name: &str, there: bool) -> io::Result<()> {
    const UNIT: &str = "/usr/lib/systemd/system/kubelet.service";
    match (name, there) {
        ("kubelet", true) => {
            root.write(UNIT, include_bytes!("../../../../../assets/machine/systemd/kubelet.service"), 0o644)
        }
        ("kubelet", false) => root.remove(UNIT),
        _ => Ok(()),
    }
}
