//! `sudo` and `su` on a node: whoever is there is root already, so they run what they are asked to.
//! The host's own cannot: in a user namespace nobody becomes another.

use std::io::ErrorKind;
use std::os::unix::process::CommandExt;
use std::process::{Command, ExitCode};

use crate::cluster::entry::Place;

/// Options of sudo(8) with a value of their own, short and long.
const VALUED: [&str; 18] = [
    "-u",
    "-g",
    "-p",
    "-C",
    "-c",
    "-D",
    "-h",
    "-R",
    "-r",
    "-T",
    "-t",
    "-U",
    "--user",
    "--group",
    "--prompt",
    "--chdir",
    "--host",
    "--other-user",
];

/// What is asked for.
#[derive(Debug, Default, PartialEq, Eq)]
struct Asked {
    /// `-i`
    login: bool,
    /// `-s`
    shell: bool,
    /// `-l`
    list: bool,
    /// `-v`, `-k`, `-K`: about a password, of which there is none.
    password: bool,
    variables: Vec<(String, String)>,
    words: Vec<String>,
}

/// Runs it as sudo.
pub fn run(words: &[String], place: &Place) -> ExitCode {
    let asked = parse(words);
    if asked.list {
        println!("User root may run the following commands on {}:\n    (ALL : ALL) ALL", place.node);
        return ExitCode::SUCCESS;
    }
    let line = asked.words.join(" ");
    let mut command = match (&asked.words[..], asked.login, asked.shell) {
        ([], true, _) => login(None),
        (_, true, _) => login(Some(&line)),
        ([], _, true) => bash(&[]),
        (_, _, true) => bash(&["-c", &line]),
        ([], ..) if asked.password => return ExitCode::SUCCESS,
        ([], ..) => {
            eprintln!("usage: sudo [-i | -s] [-u user] [VAR=value] [command [arg ...]]");
            return ExitCode::FAILURE;
        }
        ([name, rest @ ..], ..) => {
            let mut command = Command::new(name);
            command.args(rest);
            command
        }
    };
    become_it("sudo", command.envs(asked.variables))
}

/// Runs it as su.
pub fn substitute(words: &[String]) -> ExitCode {
    let is_login = words.iter().any(|word| ["-", "-l", "--login"].contains(&word.as_str()));
    let said = words.iter().position(|word| word == "-c" || word == "--command").and_then(|at| words.get(at + 1));
    let mut command = match (is_login, said) {
        (true, said) => login(said.map(String::as_str)),
        (false, Some(said)) => bash(&["-c", said]),
        (false, None) => bash(&[]),
    };
    become_it("su", &mut command)
}

fn bash(args: &[&str]) -> Command {
    let mut command = Command::new("bash");
    command.args(args);
    command
}

fn login(line: Option<&str>) -> Command {
    let mut command = bash(&[]);
    command.arg("-l");
    if let Some(home) = std::env::var_os("HOME") {
        command.current_dir(home);
    }
    if let Some(line) = line {
        command.args(["-c", line]);
    }
    command
}

fn become_it(name: &str, command: &mut Command) -> ExitCode {
    let error = command.exec();
    let program = command.get_program().to_string_lossy();
    if error.kind() == ErrorKind::NotFound {
        eprintln!("{name}: {program}: command not found");
    } else {
        eprintln!("{name}: unable to execute {program}: {error}");
    }
    ExitCode::FAILURE
}

fn parse(words: &[String]) -> Asked {
    let mut asked = Asked::default();
    let mut words = words.iter();
    while let Some(word) = words.next() {
        if let Some((name, value)) = word.split_once('=').filter(|_| !word.starts_with('-')) {
            asked.variables.push((name.to_owned(), value.to_owned()));
            continue;
        }
        if word == "--" || !word.starts_with('-') {
            asked.words.extend((word != "--").then(|| word.clone()));
            asked.words.extend(words.cloned());
            return asked;
        }
        let is_valued = VALUED.contains(&word.as_str());
        let letters = if word.starts_with("--") || is_valued { "" } else { &word[1..] };
        asked.login |= word == "--login" || letters.contains('i');
        asked.shell |= word == "--shell" || letters.contains('s');
        asked.list |= word == "--list" || letters.contains('l');
        asked.password |= letters.contains(['v', 'k', 'K']);
        // One that ends in an option with a value, such as -Eu, has it next.
        if is_valued || letters.ends_with(['u', 'g', 'p']) {
            words.next();
        }
    }
    asked
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(line: &str) -> Asked {
        parse(&line.split(' ').map(str::to_owned).collect::<Vec<_>>())
    }

    #[test]
    fn what_candidates_type_is_understood() {
        let words = |line: &str| line.split(' ').map(str::to_owned).collect::<Vec<_>>();
        assert!(asked("-i").login && asked("-i").words.is_empty());
        assert_eq!(asked("su -").words, words("su -"));
        assert_eq!(asked("-u root systemctl restart kubelet").words, words("systemctl restart kubelet"));
        assert_eq!(asked("-Eu root ls -l").words, words("ls -l"));
        let etcd = asked("ETCDCTL_API=3 etcdctl snapshot save /opt/backup.db");
        assert_eq!(etcd.variables, [("ETCDCTL_API".to_owned(), "3".to_owned())]);
        assert_eq!(etcd.words, words("etcdctl snapshot save /opt/backup.db"));
        assert!(asked("-v").password);
    }
}
