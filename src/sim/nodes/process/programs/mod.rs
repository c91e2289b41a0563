//! The programs that images have: one row each, with the packages it comes in.
//! A new program is a function in one of the files beside this one and a row here.

mod agnhost;
pub mod agnhost_answer;
mod archive;
pub mod coredns;
mod files;
mod filter;
mod guestbook;
mod hash;
mod health;
mod hexdump;
mod listing;
mod network;
mod openid;
mod pgrep;
pub mod server;
mod stream_editor;
mod stress;
mod system;
pub mod text;
mod time;

use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::pin::Pin;

use futures::FutureExt as _;

use super::program::Program;

/// What a program gives: its exit code.
pub type Code = Pin<Box<dyn Future<Output = i32> + Send>>;

/// The code of a program that a segmentation fault has ended.
pub const CRASHED: i32 = 139;

/// A program in which something breaks has crashed, and nobody else: what it runs in is shared by the whole Pod.
pub fn crashing(run: impl Future<Output = i32> + Send + 'static) -> Code {
    Box::pin(AssertUnwindSafe(run).catch_unwind().map(|code| code.unwrap_or(CRASHED)))
}

/// Where programs come from; an image has some of these.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Package {
    Busybox,
    Gnu,
    Bash,
    Curl,
    Wget,
    /// `ps`, `top`, `free`.
    Procps,
    /// `ping`, `nslookup`, `dig`, `nc`, `ip`.
    Net,
    Stress,
    Python,
    Node,
    Kubectl,
    Agnhost,
    Nonewprivs,
}

/// One program.
pub struct Row {
    pub name: &'static str,
    packages: &'static [Package],
    pub run: fn(Program) -> Code,
}

macro_rules! rows {
    ($($run:path => $packages:expr, $($name:literal)+;)+) => {
        &[$($(Row { name: $name, packages: $packages, run: |program| crashing($run(program)) },)+)+]
    };
}

use Package::{Agnhost, Bash, Busybox, Curl, Gnu, Kubectl, Net, Node, Nonewprivs, Procps, Python, Stress, Wget};

const BASE: &[Package] = &[Busybox, Gnu];

static ROWS: &[Row] = rows! {
    super::sh::start => BASE, "sh" "ash" "dash";
    super::sh::start => &[Bash], "bash";
    time::sleep => BASE, "sleep";
    time::date => BASE, "date";
    time::timeout => BASE, "timeout";
    time::watch => &[Busybox, Procps], "watch";
    text::echo => BASE, "echo";
    text::printf => BASE, "printf";
    text::cat => BASE, "cat";
    text::head => BASE, "head";
    text::tail => BASE, "tail";
    text::wc => BASE, "wc";
    text::seq => BASE, "seq";
    text::tee => BASE, "tee";
    text::yes => BASE, "yes";
    filter::grep => BASE, "grep" "egrep" "fgrep";
    filter::sort => BASE, "sort";
    filter::uniq => BASE, "uniq";
    filter::tr => BASE, "tr";
    filter::cut => BASE, "cut";
    filter::rev => BASE, "rev" "tac";
    filter::xargs => BASE, "xargs";
    stream_editor::sed => BASE, "sed";
    stream_editor::awk => BASE, "awk";
    hash::base64 => BASE, "base64";
    hash::sum => BASE, "sha256sum" "md5sum" "sha1sum";
    hexdump::hexdump => BASE, "hexdump";
    archive::tar => BASE, "tar";
    listing::ls => BASE, "ls";
    files::touch => BASE, "touch";
    files::rm => BASE, "rm" "rmdir" "unlink";
    files::mkdir => BASE, "mkdir";
    files::cp => BASE, "cp" "mv" "ln";
    files::chmod => BASE, "chmod" "chown" "chgrp";
    files::find => BASE, "find";
    listing::stat => BASE, "stat" "du";
    listing::mounts => BASE, "df" "mount";
    listing::readlink => BASE, "readlink" "realpath";
    files::mktemp => BASE, "mktemp";
    files::dd => BASE, "dd" "truncate" "fallocate";
    system::busybox => &[Busybox], "busybox";
    system::env => BASE, "env" "printenv";
    system::hostname => BASE, "hostname";
    system::id => BASE, "id" "whoami";
    system::uname => BASE, "uname" "arch" "nproc";
    system::pwd => BASE, "pwd";
    system::basename => BASE, "basename" "dirname";
    system::expr => BASE, "expr";
    system::test => BASE, "test" "[";
    system::yes => BASE, "true" "nice" "stty" "sync";
    system::tty => BASE, "tty";
    system::no => BASE, "false";
    system::which => BASE, "which";
    system::kill => &[Busybox, Gnu, Procps], "kill";
    system::ps => &[Busybox, Procps], "ps" "top";
    pgrep::pgrep => &[Busybox, Procps], "pgrep" "pkill";
    system::free => &[Busybox, Procps], "free" "uptime";
    system::sysctl => &[Busybox, Procps], "sysctl";
    network::nslookup => &[Busybox, Net], "nslookup";
    network::dig => &[Net], "dig" "host";
    network::getent => &[Gnu, Net], "getent";
    network::wget => &[Busybox, Wget], "wget";
    network::curl => &[Curl], "curl";
    network::nc => &[Busybox, Net], "nc";
    network::telnet => &[Busybox, Net], "telnet";
    network::ping => &[Busybox, Net], "ping" "ping6" "traceroute";
    network::addresses => &[Busybox, Net], "ip" "ifconfig" "netstat" "ss";
    server::httpd => &[Busybox], "httpd";
    server::python => &[Python], "python" "python3";
    server::node => &[Node], "node" "npm";
    server::kubectl => &[Kubectl], "kubectl";
    system::nnp => &[Nonewprivs], "nnp";
    agnhost::agnhost => &[Agnhost], "agnhost" "agnhost-2";
    stress::stress => &[Stress], "stress" "stress-ng";
};

/// The program of a name that the image has.
pub fn named(program: &Program, name: &str) -> Option<&'static Row> {
    let has = |row: &&Row| row.packages.iter().any(|package| program.container.image.has_package(*package));
    ROWS.iter().filter(|row| row.name == name).find(has).or_else(|| server::own(program.container.image, name))
}

/// The program at a path.
pub fn at(program: &Program, path: &str) -> Option<&'static Row> {
    let (folder, name) = path.rsplit_once('/')?;
    let usual = ["/bin", "/sbin", "/usr/bin", "/usr/sbin", "/usr/local/bin", "/usr/local/sbin", "/opt/bin", "/app", ""];
    if usual.contains(&folder) { named(program, name) } else { server::own(program.container.image, name) }
}

/// The options and the other words of a command: letters with a value are named in `valued`.
pub fn options(program: &Program, valued: &str) -> (Vec<(char, String)>, Vec<String>) {
    let (mut options, mut rest) = (Vec::new(), Vec::new());
    let mut words = program.args();
    while let Some(word) = words.next() {
        if word == "--" {
            rest.extend(words.by_ref().map(str::to_owned));
            break;
        }
        let Some(letters) = word.strip_prefix('-').filter(|letters| !letters.is_empty() && !letters.starts_with('-'))
        else {
            rest.push(word.to_owned());
            continue;
        };
        let mut letters = letters.chars();
        while let Some(letter) = letters.next() {
            if !valued.contains(letter) {
                options.push((letter, String::new()));
                continue;
            }
            let attached: String = letters.by_ref().collect();
            let value = if attached.is_empty() { words.next().unwrap_or_default().to_owned() } else { attached };
            options.push((letter, value));
        }
    }
    (options, rest)
}

/// Whether an option is there.
pub fn has(options: &[(char, String)], letter: char) -> bool {
    options.iter().any(|(known, _)| *known == letter)
}

/// The value of an option.
pub fn value(options: &[(char, String)], letter: char) -> Option<&str> {
    options.iter().rev().find(|(known, _)| *known == letter).map(|(_, value)| value.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_in_which_something_breaks_has_crashed() {
        let broken = |breaks: bool| async move {
            assert!(!breaks, "something broke");
            7
        };
        let mut context = std::task::Context::from_waker(std::task::Waker::noop());
        let mut code = |breaks| crashing(broken(breaks)).as_mut().poll(&mut context);
        assert_eq!((code(false), code(true)), (std::task::Poll::Ready(7), std::task::Poll::Ready(CRASHED)));
    }
}
