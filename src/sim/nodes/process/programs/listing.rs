//! Programs that tell of files: `ls`, `stat`, `du`, `df`, `mount`, `readlink`.
//! Making and moving them is `files.rs`. The forms are BusyBox' and GNU's.

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::{has, options, value};
use crate::sim::nodes::cgroup;
use crate::sim::nodes::process::files::{MEMORY, Volume};
use crate::sim::nodes::process::program::Program;
use crate::sim::nodes::process::stream::Output;
use crate::sim::nodes::process::tree::{Body, Entry};

/// The name of a user or group by `/etc/passwd` or `/etc/group`.
pub fn name_in(program: &Program, table: &str, id: i64) -> Option<String> {
    let bytes = program.container.files.read(table).ok()?;
    let text = String::from_utf8_lossy(&bytes).into_owned();
    text.lines().find_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next()?;
        (fields.nth(1)?.parse() == Ok(id)).then(|| name.to_owned())
    })
}

fn mode_text(entry: &Entry) -> String {
    let bit = |shift: u32, letter: char| if entry.mode >> shift & 1 == 1 { letter } else { '-' };
    let mut bits: Vec<char> = (0..9).rev().map(|shift| bit(shift, ['x', 'w', 'r'][shift as usize % 3])).collect();
    for (flag, at, letter) in [(0o4000, 2, 's'), (0o2000, 5, 's'), (0o1000, 8, 't')] {
        if entry.mode & flag != 0 {
            bits[at] = if bits[at] == 'x' { letter } else { letter.to_ascii_uppercase() };
        }
    }
    let kind = match entry.body {
        Body::Folder => 'd',
        Body::File(_) => '-',
        Body::Link(_) => 'l',
    };
    format!("{kind}{}", bits.into_iter().collect::<String>())
}

pub async fn ls(program: Program) -> i32 {
    let (options, mut paths) = options(&program, "");
    if paths.is_empty() {
        paths.push(".".to_owned());
    }
    paths.sort();
    let files = &program.container.files;
    let (mut code, mut folders, mut rows) = (0, Vec::new(), Vec::new());
    let look = |path: &str| if has(&options, 'L') { files.stat(path) } else { files.look(path) };
    for path in &paths {
        let whole = program.path(path);
        match look(&whole) {
            None => {
                let code_of_missing = if program.container.image.is_busybox() { 1 } else { 2 };
                code = program.fail(&missing(&program, path), code_of_missing).await;
            }
            Some(_) if files.is_folder(&whole) && !has(&options, 'd') => folders.push(path.clone()),
            Some(entry) => rows.push((path.clone(), entry)),
        }
    }
    let mut begun = !rows.is_empty();
    tell(&program, &rows, &options).await;
    for path in folders {
        let whole = program.path(&path);
        if paths.len() > 1 {
            program.say(&format!("{}{path}:", if begun { "\n" } else { "" })).await;
        }
        begun = true;
        let mut names = files.list(&whole).unwrap_or_default();
        names.retain(|name| has(&options, 'a') || has(&options, 'A') || !name.starts_with('.'));
        if has(&options, 'a') {
            names.splice(0..0, [".".to_owned(), "..".to_owned()]);
        }
        let row = |name: String| {
            let entry = look(&crate::sim::nodes::process::files::absolute(&whole, &name))?;
            Some((name, entry))
        };
        let mut rows: Vec<(String, Entry)> = names.into_iter().filter_map(row).collect();
        if has(&options, 't') {
            rows.sort_by_key(|(_, entry)| std::cmp::Reverse(entry.changed));
        }
        if has(&options, 'r') {
            rows.reverse();
        }
        if has(&options, 'l') || has(&options, 'n') {
            let blocks: usize = rows.iter().map(|(_, entry)| blocks(entry)).sum();
            program.say(&format!("total {blocks}")).await;
        }
        tell(&program, &rows, &options).await;
    }
    code
}

/// So many KiB it takes on a disk.
fn blocks(entry: &Entry) -> usize {
    if matches!(entry.body, Body::Link(_)) { 0 } else { entry.size().div_ceil(4096) * 4 }
}

fn missing(program: &Program, path: &str) -> String {
    if program.container.image.is_busybox() {
        format!("{path}: No such file or directory")
    } else {
        format!("cannot access '{path}': No such file or directory")
    }
}

/// What `-F` writes behind a name, and `-p` behind a folder's.
fn mark(entry: &Entry, options: &[(char, String)]) -> &'static str {
    let all = has(options, 'F');
    match entry.body {
        Body::Folder if all || has(options, 'p') => "/",
        // A long line says where it leads instead.
        Body::Link(_) if all && !has(options, 'l') && !has(options, 'n') => "@",
        Body::File(_) if all && entry.mode & 0o111 != 0 => "*",
        _ => "",
    }
}

async fn tell(program: &Program, rows: &[(String, Entry)], options: &[(char, String)]) {
    let marked = |(name, entry): &(String, Entry)| (format!("{name}{}", mark(entry, options)), entry.clone());
    let rows: &[(String, Entry)] = &rows.iter().map(marked).collect::<Vec<_>>();
    if has(options, 'l') || has(options, 'n') {
        for line in long(program, rows, (has(options, 'h'), has(options, 'n'))) {
            program.say(&line).await;
        }
        return;
    }
    let on_screen = matches!(program.output, Output::Terminal(_)) && !has(options, '1');
    let widest = rows.iter().map(|(name, _)| name.chars().count()).max().unwrap_or_default() + 2;
    let columns = if on_screen { (80 / widest).clamp(1, rows.len().max(1)) } else { 1 };
    let lines = rows.len().div_ceil(columns);
    for line in 0..lines {
        let cells: String = (line..rows.len()).step_by(lines).map(|at| format!("{:<widest$}", rows[at].0)).collect();
        program.say(cells.trim_end()).await;
    }
}

/// The lines of a long list; sizes for humans, users and groups as numbers.
fn long(program: &Program, rows: &[(String, Entry)], (human, numbers): (bool, bool)) -> Vec<String> {
    let now = program.engine().now();
    let owner = |table: &str, id: u32| {
        let name = (!numbers).then(|| name_in(program, table, i64::from(id))).flatten();
        name.unwrap_or_else(|| id.to_string())
    };
    let cells: Vec<[String; 4]> = rows
        .iter()
        .map(|(_, entry)| {
            let links = if entry.is_folder() { 2 } else { 1 };
            let size = if human { shortened(entry.size()) } else { entry.size().to_string() };
            [links.to_string(), owner("/etc/passwd", entry.owner.0), owner("/etc/group", entry.owner.1), size]
        })
        .collect();
    // BusyBox' columns have their widths, GNU's those they need.
    let width = |at: usize, least: usize| match program.container.image.is_busybox() {
        true => least,
        false => cells.iter().map(|cells| cells[at].len()).max().unwrap_or_default(),
    };
    let (links, user, group, size) = (width(0, 4), width(1, 8), width(2, 8), width(3, 9));
    let line = |((name, entry), cells): (&(String, Entry), &[String; 4])| {
        let [count, owner, of, bytes] = cells;
        let shown = match &entry.body {
            Body::Link(target) => format!("{name} -> {target}"),
            _ => name.clone(),
        };
        let (mode, when) = (mode_text(entry), when(entry, now));
        format!("{mode} {count:>links$} {owner:<user$} {of:<group$} {bytes:>size$} {when} {shown}")
    };
    rows.iter().zip(&cells).map(line).collect()
}

/// When it was changed, as lists show it: the year instead of the time when that is half a year ago.
fn when(entry: &Entry, now: Timestamp) -> String {
    let changed = if entry.changed.as_second() == 0 { now } else { entry.changed };
    let old = now.duration_since(changed).as_hours().abs() > 24 * 182;
    let format = if old { "%b %e  %Y" } else { "%b %e %H:%M" };
    changed.to_zoned(TimeZone::UTC).strftime(format).to_string()
}

/// `1.5K` and the like.
fn shortened(size: usize) -> String {
    let mut value = size as f64;
    let mut unit = "";
    for next in ["K", "M", "G", "T"] {
        if value < 1024.0 {
            break;
        }
        value /= 1024.0;
        unit = next;
    }
    if unit.is_empty() { size.to_string() } else { format!("{value:.1}{unit}") }
}

/// `stat` and `du`.
pub async fn stat(program: Program) -> i32 {
    let (options, mut paths) = options(&program, "cf");
    let files = &program.container.files;
    if paths.is_empty() && program.name() == "du" {
        paths.push(".".to_owned());
    }
    let mut code = 0;
    for path in &paths {
        let Some(entry) = files.look(&program.path(path)) else {
            code = program.fail(&format!("can't stat '{path}': No such file or directory"), 1).await;
            continue;
        };
        if program.name() == "du" {
            let size = taken(&program, &program.path(path), 0);
            let shown = if has(&options, 'h') { shortened(size * 1024) } else { size.to_string() };
            program.say(&format!("{shown}\t{path}")).await;
            continue;
        }
        let format = super::value(&options, 'c').unwrap_or_default();
        let told = match format {
            "" => {
                let (user, group) = entry.owner;
                let (mode, text) = (entry.mode, mode_text(&entry));
                let kind = if entry.is_folder() { "directory" } else { "regular file" };
                let at = entry.changed.to_zoned(TimeZone::UTC).strftime("%Y-%m-%d %H:%M:%S.%9f +0000").to_string();
                format!(
                    "  File: {path}\n  Size: {:<9}\tBlocks: {:<10} IO Block: 4096   {kind}\nAccess: ({mode:04o}/{text})  Uid: ({user:5}/{:>8})   Gid: ({group:5}/{:>8})\nModify: {at}",
                    entry.size(),
                    blocks(&entry) * 2,
                    name_in(&program, "/etc/passwd", user.into()).unwrap_or_else(|| "UNKNOWN".to_owned()),
                    name_in(&program, "/etc/group", group.into()).unwrap_or_else(|| "UNKNOWN".to_owned()),
                )
            }
            format => format
                .replace("%a", &format!("{:o}", entry.mode))
                .replace("%A", &mode_text(&entry))
                .replace("%u", &entry.owner.0.to_string())
                .replace("%g", &entry.owner.1.to_string())
                .replace("%s", &entry.size().to_string())
                .replace("%n", path)
                .replace("%Y", &entry.changed.as_second().to_string()),
        };
        program.say(&told).await;
    }
    code
}

/// KiB of everything below a path.
fn taken(program: &Program, path: &str, depth: usize) -> usize {
    let files = &program.container.files;
    let Some(entry) = files.look(path).filter(|_| depth < 32) else { return 0 };
    let names = if entry.is_folder() { files.list(path).unwrap_or_default() } else { Vec::new() };
    let inner = names.iter().map(|name| taken(program, &format!("{}/{name}", path.trim_end_matches('/')), depth + 1));
    blocks(&entry) + inner.sum::<usize>()
}

/// What BusyBox says where `readlink` is not given one path.
const READLINK: &str = "BusyBox v1.36.1 multi-call binary.\n\nUsage: readlink [-fnv] FILE\n\nDisplay the value of a symlink\n\n\
    \t-f\tCanonicalize by following all symlinks\n\t-n\tDon't add newline\n\t-v\tVerbose\n";

/// `readlink` and `realpath`: where a link leads, or with `-f` what a path comes to when all links in it are followed.
pub async fn readlink(program: Program) -> i32 {
    let (options, paths) = options(&program, "");
    let files = &program.container.files;
    let whole = program.name() == "realpath" || has(&options, 'f');
    if program.name() == "readlink" && paths.len() != 1 && program.container.image.is_busybox() {
        program.errors.write(program.engine(), READLINK.as_bytes()).await;
        return 1;
    }
    let mut code = 0;
    for path in &paths {
        let found = match files.look(&program.path(path)) {
            _ if whole => files.real(&program.path(path)),
            Some(Entry { body: Body::Link(target), .. }) => Some(target),
            _ => None,
        };
        match found {
            Some(found) => drop(program.say(&found).await),
            None if program.name() == "realpath" => {
                code = program.fail(&format!("{path}: No such file or directory"), 1).await;
            }
            None => code = 1,
        }
    }
    code
}

/// KiB that may be kept and that are in the memory mounted at a path.
fn in_memory(program: &Program, path: &str) -> (usize, usize) {
    let found = program.container.files.mounts().iter().find(|mount| mount.path == path);
    let size = found.and_then(|mount| mount.in_memory).unwrap_or(MEMORY);
    match found.map(|mount| &mount.volume) {
        Some(Volume::Kept(_)) => (size, taken(program, path, 0).min(size)),
        _ => (size, 12),
    }
}

/// `df` and `mount`: the image's own files, then what is mounted over them; of paths only what they lie on.
pub async fn mounts(program: Program) -> i32 {
    let (options, paths) = options(&program, "t");
    let files = &program.container.files;
    let mut rows = vec![("overlay", "/".to_owned(), "rw,relatime")];
    for mount in files.mounts().iter().filter(|mount| !mount.path.is_empty()) {
        let made = matches!(mount.volume, Volume::Made(_));
        let group = mount.path == cgroup::PATH;
        let way = match (group, mount.read_only || made) {
            (true, _) => "ro,nosuid,nodev,noexec,relatime",
            (false, true) => "ro,relatime",
            (false, false) => "rw,relatime",
        };
        let source = if made || mount.in_memory.is_some() { "tmpfs" } else { "/dev/vda1" };
        rows.push((if group { "cgroup" } else { source }, mount.path.clone(), way));
    }
    rows[1..].sort();
    let human = has(&options, 'h');
    let df = program.name() == "df";
    // Of what has no blocks `df` says nothing.
    rows.retain(|(source, _, _)| !df || *source != "cgroup");
    if df && !paths.is_empty() {
        let holds = |path: &str, mount: &str| mount == "/" || format!("{path}/").starts_with(&format!("{mount}/"));
        let of = |path: &String| {
            let whole = program.path(path);
            rows.iter().filter(|(_, mount, _)| holds(&whole, mount)).max_by_key(|(_, mount, _)| mount.len()).cloned()
        };
        rows = paths.iter().filter_map(of).collect();
    }
    if df {
        let blocks = if human { "     Size" } else { "1K-blocks" };
        program.say(&format!("Filesystem           {blocks}      Used Available Use% Mounted on")).await;
    }
    for (source, path, way) in rows {
        let kind = match source {
            "/dev/vda1" => "ext4",
            "cgroup" => "cgroup2",
            other => other,
        };
        if value(&options, 't').is_some_and(|wanted| !df && wanted != kind) {
            continue;
        }
        let (size, used): (usize, usize) =
            if source == "tmpfs" { in_memory(&program, &path) } else { (20_288_444, 9_283_276) };
        let (free, share) = (size - used, (used * 100).div_ceil(size));
        let cell = |kib: usize| if human { shortened(kib * 1024) } else { kib.to_string() };
        let line = match program.name() {
            "df" => format!("{source:<20} {:>9} {:>9} {:>9} {share:>3}% {path}", cell(size), cell(used), cell(free)),
            _ => format!("{source} on {path} type {kind} ({way})"),
        };
        program.say(&line).await;
    }
    0
}
