//! Programs about the container itself: variables, names, users, processes.
//! What they tell is the container's.

use super::listing::name_in;
use super::{has, options, time, value};
use crate::sim::nodes::process::processes::Seen;
use crate::sim::nodes::process::program::Program;
use crate::sim::nodes::process::sh;

/// `busybox` with the name of one of its programs.
pub async fn busybox(program: Program) -> i32 {
    let words = program.words[1..].to_vec();
    let Some(name) = words.first() else {
        program.say("BusyBox v1.36.1 multi-call binary.").await;
        return 0;
    };
    if super::named(&program, name).is_none() {
        program.errors.write(program.engine(), format!("{name}: applet not found\n").as_bytes()).await;
        return 127;
    }
    Box::pin(time::run(&program, words)).await
}

pub async fn env(program: Program) -> i32 {
    let mut inner = program.clone();
    let mut words = program.words[1..].to_vec();
    if program.name() == "printenv" && !words.is_empty() {
        let found = words.iter().filter_map(|name| program.variables.get(name)).cloned().collect::<Vec<_>>();
        for value in &found {
            program.say(value).await;
        }
        return i32::from(found.len() < words.len());
    }
    while let Some(word) = words.first().cloned() {
        match word.split_once('=') {
            Some((name, value)) => drop(inner.variables.insert(name.to_owned(), value.to_owned())),
            None if word == "-i" => inner.variables.clear(),
            None if word.starts_with('-') => {}
            None => break,
        }
        words.remove(0);
    }
    if !words.is_empty() {
        return Box::pin(time::run(&inner, words)).await;
    }
    let order = &program.container.recipe.variable_order;
    let place = |name: &String| order.iter().position(|known| known == name).unwrap_or(order.len());
    let mut variables: Vec<(&String, &String)> = inner.variables.iter().collect();
    variables.sort_by_key(|(name, _)| place(name));
    for (name, value) in variables {
        if !program.say(&format!("{name}={value}")).await {
            return 1;
        }
    }
    0
}

pub async fn hostname(program: Program) -> i32 {
    let (options, _) = options(&program, "");
    let name = &program.container.hostname;
    let shown = if has(&options, 'i') || has(&options, 'I') {
        program.container.address()
    } else if has(&options, 'f') {
        whole_name(&program, name).await
    } else if has(&options, 's') {
        name.split('.').next().unwrap_or_default().to_owned()
    } else {
        name.clone()
    };
    i32::from(!program.say(&shown).await)
}

/// The host's name with its domain: the first name of its line in `/etc/hosts`.
async fn whole_name(program: &Program, name: &str) -> String {
    let hosts = program.read("/etc/hosts").await.unwrap_or_default();
    let hosts = String::from_utf8_lossy(&hosts);
    let names = |line: &str| line.split_whitespace().skip(1).map(str::to_owned).collect::<Vec<_>>();
    let own = hosts.lines().map(names).find(|names| names.iter().any(|found| found == name));
    own.and_then(|names| names.into_iter().next()).unwrap_or_else(|| name.to_owned())
}

pub async fn id(program: Program) -> i32 {
    let (options, _) = options(&program, "");
    let (user, group) = (program.container.user, program.container.group_id);
    let user_name = name_in(&program, "/etc/passwd", user);
    if program.name() == "whoami" {
        return match user_name {
            Some(name) => i32::from(!program.say(&name).await),
            None if program.container.image.is_busybox() => program.fail(&format!("unknown uid {user}"), 1).await,
            None => program.fail(&format!("cannot find name for user ID {user}"), 1).await,
        };
    }
    let shown = |id: i64, name: Option<String>| name.map_or(id.to_string(), |name| format!("{id}({name})"));
    let group_name = |id: i64| name_in(&program, "/etc/group", id);
    let mut groups = program.container.groups.clone();
    groups.push(group);
    groups.sort_unstable();
    groups.dedup();
    let text = match (has(&options, 'u'), has(&options, 'g'), has(&options, 'G'), has(&options, 'n')) {
        (true, _, _, true) => user_name.unwrap_or_else(|| user.to_string()),
        (true, ..) => user.to_string(),
        (_, true, _, true) => group_name(group).unwrap_or_else(|| group.to_string()),
        (_, true, ..) => group.to_string(),
        (_, _, true, _) => std::iter::once(&group)
            .chain(groups.iter().filter(|other| **other != group))
            .map(i64::to_string)
            .collect::<Vec<_>>()
            .join(" "),
        _ => {
            let all: Vec<String> = groups.iter().map(|id| shown(*id, group_name(*id))).collect();
            format!("uid={} gid={} groups={}", shown(user, user_name), shown(group, group_name(group)), all.join(","))
        }
    };
    i32::from(!program.say(&text).await)
}

pub async fn tty(program: Program) -> i32 {
    let text = if program.input.terminal().is_some() { "/dev/pts/0" } else { "not a tty" };
    program.say(text).await;
    i32::from(program.input.terminal().is_none())
}

pub async fn uname(program: Program) -> i32 {
    let (options, _) = options(&program, "");
    let text = match program.name() {
        "nproc" => "2".to_owned(),
        "arch" => "x86_64".to_owned(),
        _ if has(&options, 'a') => {
            format!("Linux {} 6.8.0-71-generic #71-Ubuntu SMP x86_64 GNU/Linux", program.container.hostname)
        }
        _ if has(&options, 'r') => "6.8.0-71-generic".to_owned(),
        _ if has(&options, 'm') => "x86_64".to_owned(),
        _ if has(&options, 'n') => program.container.hostname.clone(),
        _ => "Linux".to_owned(),
    };
    i32::from(!program.say(&text).await)
}

pub async fn pwd(program: Program) -> i32 {
    i32::from(!program.say(&program.folder).await)
}

pub async fn basename(program: Program) -> i32 {
    let Some(path) = program.words.get(1) else { return program.fail("missing operand", 1).await };
    let trimmed = path.trim_end_matches('/');
    let (folder, name) = trimmed.rsplit_once('/').unwrap_or((".", trimmed));
    let text = match program.name() {
        "dirname" => {
            if folder.is_empty() {
                "/"
            } else {
                folder
            }
        }
        _ => program.words.get(2).and_then(|suffix| name.strip_suffix(suffix.as_str())).unwrap_or(name),
    };
    i32::from(!program.say(text).await)
}

pub async fn expr(program: Program) -> i32 {
    let words: Vec<&str> = program.args().collect();
    let result = match words.as_slice() {
        [left, "=", right] => i64::from(left == right),
        [left, operator, right] => {
            let (Ok(left), Ok(right)) = (left.parse::<i64>(), right.parse::<i64>()) else {
                return program.fail("non-numeric argument", 2).await;
            };
            match *operator {
                "+" => left.wrapping_add(right),
                "-" => left.wrapping_sub(right),
                "*" => left.wrapping_mul(right),
                "/" if right != 0 => left.wrapping_div(right),
                "%" if right != 0 => left.wrapping_rem(right),
                "<" => i64::from(left < right),
                ">" => i64::from(left > right),
                _ => return program.fail("syntax error", 2).await,
            }
        }
        [word] => word.parse().unwrap_or_default(),
        _ => return program.fail("syntax error", 2).await,
    };
    program.say(&result.to_string()).await;
    i32::from(result == 0)
}

pub async fn test(program: Program) -> i32 {
    let mut words: Vec<&str> = program.args().collect();
    if program.name() == "[" && words.pop() != Some("]") {
        return program.fail("missing ]", 2).await;
    }
    match sh::test(&program, &words) {
        Ok(true) => 0,
        Ok(false) => 1,
        Err(why) => program.fail(&why, 2).await,
    }
}

pub async fn yes(_: Program) -> i32 {
    0
}

pub async fn no(_: Program) -> i32 {
    1
}

pub async fn which(program: Program) -> i32 {
    let mut code = 0;
    for name in program.args() {
        match sh::find(&program, name) {
            sh::Found::Program(_) => drop(program.say(&format!("/bin/{name}")).await),
            _ => code = 1,
        }
    }
    code
}

pub async fn kill(program: Program) -> i32 {
    let mut inner = program.clone();
    inner.words = vec!["sh".to_owned(), "-c".to_owned(), format!("kill {}", program.words[1..].join(" "))];
    Box::pin(sh::start(inner)).await
}

/// `ps`, and what `top -b -n 1` begins with.
pub async fn ps(program: Program) -> i32 {
    let busybox = program.container.image.is_busybox();
    let (options, _) = options(&program, "o");
    if let Some(wanted) = value(&options, 'o').filter(|_| busybox) {
        return columns(&program, wanted).await;
    }
    program.say(if busybox { "PID   USER     TIME  COMMAND" } else { "    PID TTY          TIME CMD" }).await;
    for Seen { pid, words, ids: (user, _) } in program.container.processes.all() {
        let user = name_in(&program, "/etc/passwd", user).unwrap_or_else(|| user.to_string());
        let line = if busybox {
            format!("{pid:>5} {user:<8}  0:00 {}", words.join(" "))
        } else {
            format!("{pid:>7} ?        00:00:00 {}", words.first().map_or("", String::as_str))
        };
        program.say(&line).await;
    }
    0
}

/// BusyBox' `ps -o`: these columns of each process.
async fn columns(program: &Program, wanted: &str) -> i32 {
    const KNOWN: [(&str, &str, usize); 10] = [
        ("user", "USER", 8),
        ("group", "GROUP", 8),
        ("comm", "COMMAND", 16),
        ("args", "COMMAND", 256),
        ("pid", "PID", 5),
        ("ppid", "PPID", 5),
        ("time", "TIME", 5),
        ("tty", "TT", 6),
        ("stat", "STAT", 4),
        ("rss", "RSS", 4),
    ];
    let mut chosen = Vec::new();
    for name in wanted.split(',') {
        let Some(found) = KNOWN.iter().find(|(known, ..)| *known == name) else {
            let all = "user,group,comm,args,pid,ppid,pgid,etime,nice,rgroup,ruser,time,tty,vsz,sid,stat,rss";
            return program.fail(&format!("bad -o argument '{name}', supported arguments: {all}"), 1).await;
        };
        chosen.push(*found);
    }
    let id = |table: &str, id: i64| name_in(program, table, id).unwrap_or_else(|| id.to_string());
    let header: Vec<String> = chosen.iter().map(|(_, title, width)| format!("{title:<width$}")).collect();
    program.say(header.join(" ").trim_end()).await;
    for Seen { pid, words, ids: (user, group) } in program.container.processes.all() {
        let (user, group) = (id("/etc/passwd", user), id("/etc/group", group));
        let comm = words.first().map_or("", |path| path.rsplit('/').next().unwrap_or_default());
        let cells = chosen.iter().map(|(name, _, width)| match *name {
            "user" => format!("{user:<width$}"),
            "group" => format!("{group:<width$}"),
            "comm" => format!("{comm:<width$}"),
            "args" => words.join(" "),
            "pid" => format!("{pid:>width$}"),
            "time" => format!("{:>width$}", "0:00"),
            "tty" => format!("{:<width$}", "?"),
            "stat" => format!("{:<width$}", "S"),
            _ => format!("{:>width$}", 0),
        });
        let line = cells.collect::<Vec<_>>().join(" ");
        program.say(line.trim_end()).await;
    }
    0
}

pub async fn free(program: Program) -> i32 {
    if program.name() == "uptime" {
        return i32::from(!program.say(" 12:00:00 up 1 day,  0 users,  load average: 0.10, 0.08, 0.05").await);
    }
    program.say("              total        used        free      shared  buff/cache   available").await;
    i32::from(!program.say("Mem:        4015744     1204723      903520       12044     1907501     2550112").await)
}

/// `sysctl` with names, `-a` or `-n`: what `/proc/sys` holds, where nothing may be written.
pub async fn sysctl(program: Program) -> i32 {
    let (options, names) = options(&program, "");
    let names = if has(&options, 'a') || has(&options, 'A') { parameters(&program, "/proc/sys") } else { names };
    let mut code = 0;
    for word in names {
        let (name, value) = word.split_once('=').map_or((word.as_str(), None), |(name, value)| (name, Some(value)));
        let path = format!("/proc/sys/{}", name.trim().replace('.', "/"));
        let shown = name.trim().replace('/', ".");
        match program.container.files.read(&path) {
            Ok(_) if value.is_some() => {
                code = program.fail(&format!("error setting key '{shown}': Read-only file system"), 1).await
            }
            Ok(bytes) => {
                let found = String::from_utf8_lossy(&bytes).trim_end().to_owned();
                program.say(&if has(&options, 'n') { found } else { format!("{shown} = {found}") }).await;
            }
            Err(_) => code = program.fail(&format!("error: '{shown}' is an unknown key"), 1).await,
        }
    }
    code
}

/// The names of all parameters below a folder.
fn parameters(program: &Program, folder: &str) -> Vec<String> {
    let files = &program.container.files;
    let inside = files.list(folder).unwrap_or_default();
    let each = inside.iter().flat_map(|name| {
        let path = format!("{folder}/{name}");
        if files.is_folder(&path) { parameters(program, &path) } else { vec![path] }
    });
    each.map(|path| path.trim_start_matches("/proc/sys/").replace('/', ".")).collect()
}

/// The program of upstream's image for it: it has the set-user-ID bit of root, which counts unless the container says otherwise.
pub async fn nnp(program: Program) -> i32 {
    let user = if program.container.escalates { 0 } else { program.container.user };
    i32::from(!program.say(&format!("Effective uid: {user}")).await)
}
