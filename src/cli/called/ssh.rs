//! `ssh` in the learner's shell: into nodes, and nowhere else. From a node no other can be reached, as in the exam.
//! What both ways in have in common is `visit`.

use std::process::ExitCode;

use super::{failed, unknown, waited};
use crate::cli::visit::{self, Terminal};
use crate::cluster::Way;
use crate::cluster::entry::Place;

/// Options with a value of their own (ssh(1)). Where one goes and as whom is the room's affair, so none of them changes anything.
const VALUED: &str = "BbcDEeFIiJLlmOopQRSWw";
/// Options without.
const PLAIN: &str = "46AaCfGgKkMNnqsTtVvXxYy";

/// What is asked for.
#[derive(Debug, Default, PartialEq, Eq)]
struct Asked {
    host: String,
    command: Option<String>,
    terminal: Terminal,
    /// `-n`: nothing is typed.
    silent: bool,
}

/// Runs it.
pub fn run(words: &[String], place: Option<Place>) -> ExitCode {
    let asked = match parse(words) {
        Ok(asked) => asked,
        Err(why) => return failed(&why),
    };
    let done = waited(async {
        let Some(way) = known(&asked.host, place.as_ref()).await else { return unknown(&asked.host) };
        if place.is_some() {
            return format!("ssh: connect to host {} port 22: Connection refused", asked.host);
        }
        if asked.silent
            && let Err(error) = std::fs::File::open("/dev/null").and_then(|null| Ok(rustix::stdio::dup2_stdin(null)?))
        {
            return error.to_string();
        }
        let error = visit::enter(&way, &asked.host, asked.command, asked.terminal).await;
        format!("ssh: {}: {}", error.what, error.why)
    });
    failed(&done.unwrap_or_else(|error| format!("ssh: {error}")))
}

/// The way into the cluster that has this node.
pub(super) async fn known(host: &str, place: Option<&Place>) -> Option<Way> {
    let way = match place {
        Some(place) => Way::Socket(place.socket.clone()),
        None => visit::way(None).await.ok()?,
    };
    visit::knows(&way, host).await.then_some(way)
}

fn parse(words: &[String]) -> Result<Asked, String> {
    let mut asked = Asked::default();
    let mut words = words.iter();
    let mut only_words = false;
    while let Some(word) = words.next() {
        if word == "--" && !only_words {
            only_words = true;
            continue;
        }
        // Options may also stand between host and command.
        if let Some(letters) = word.strip_prefix('-').filter(|letters| !letters.is_empty() && !only_words) {
            options(letters, &mut words, &mut asked)?;
            continue;
        }
        if asked.host.is_empty() {
            asked.host = host(word);
            continue;
        }
        let rest: Vec<&str> = std::iter::once(word).chain(words).map(String::as_str).collect();
        asked.command = Some(rest.join(" "));
        break;
    }
    if asked.host.is_empty() {
        return Err("usage: ssh [-nqTtv] [-l login_name] [-o option] destination [command [argument ...]]".to_owned());
    }
    Ok(asked)
}

/// The host of `USER@HOST` or `ssh://USER@HOST:PORT`.
fn host(destination: &str) -> String {
    let is_url = destination.strip_prefix("ssh://");
    let rest = is_url.unwrap_or(destination);
    let host = rest.rsplit_once('@').map_or(rest, |(_, host)| host);
    if is_url.is_some() { host.split(['/', ':']).next().unwrap_or_default().to_owned() } else { host.to_owned() }
}

fn options<'a>(letters: &str, words: &mut impl Iterator<Item = &'a String>, asked: &mut Asked) -> Result<(), String> {
    for (at, letter) in letters.char_indices() {
        match letter {
            't' if asked.terminal == Terminal::Wanted => asked.terminal = Terminal::Forced,
            't' => asked.terminal = Terminal::Wanted,
            'T' => asked.terminal = Terminal::Never,
            'n' => asked.silent = true,
            _ if PLAIN.contains(letter) => {}
            _ if VALUED.contains(letter) => {
                if letters.len() == at + 1 && words.next().is_none() {
                    return Err(format!("ssh: option requires an argument -- '{letter}'"));
                }
                return Ok(());
            }
            _ => return Err(format!("ssh: unknown option -- '{letter}'")),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(line: &str) -> Result<(String, Option<String>, Terminal), String> {
        let words: Vec<String> = line.split(' ').map(str::to_owned).collect();
        parse(&words).map(|asked| (asked.host, asked.command, asked.terminal))
    }

    #[test]
    fn what_candidates_type_is_understood() {
        let node = || "node01".to_owned();
        assert_eq!(asked("node01"), Ok((node(), None, Terminal::Usual)));
        assert_eq!(asked("root@node01"), Ok((node(), None, Terminal::Usual)));
        assert_eq!(
            asked("-o StrictHostKeyChecking=no -qp22 -l root node01 ls -la /"),
            Ok((node(), Some("ls -la /".to_owned()), Terminal::Usual))
        );
        assert_eq!(asked("-t node01 -- sudo -i"), Ok((node(), Some("sudo -i".to_owned()), Terminal::Wanted)));
        assert_eq!(asked("-tt ssh://root@node01:22"), Ok((node(), None, Terminal::Forced)));
        assert_eq!(asked("node01 -v"), Ok((node(), None, Terminal::Usual)), "options may follow the host");
    }

    #[test]
    fn what_ssh_does_not_know_is_refused() {
        assert_eq!(asked("-Z node01"), Err("ssh: unknown option -- 'Z'".to_owned()));
        assert_eq!(asked("-p"), Err("ssh: option requires an argument -- 'p'".to_owned()));
        assert!(asked("-v").unwrap_err().starts_with("usage: ssh"));
    }
}
