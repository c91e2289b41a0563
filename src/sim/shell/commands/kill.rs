//! `kill`: a signal to processes of the node. Those of the login alone are this machine's own.
//! The shell's own `kill` asks it first (`enter/login.rs`). Source: procps-ng 4.0, `kill(1)`.

use crate::sim::nodes::process::signals;
use crate::sim::shell::call::Call;
use crate::sim::shell::processes;

/// Runs it.
pub async fn run(call: Call) -> u8 {
    let (mut signal, mut pids) = (Some(15), Vec::new());
    let mut args = call.args().iter();
    while let Some(arg) = args.next() {
        match (arg.as_str(), arg.strip_prefix('-')) {
            ("-s" | "--signal" | "-n", _) => signal = args.next().and_then(|word| signals::signal(word)),
            ("--", _) => {}
            (_, Some(word)) if pids.is_empty() => signal = signals::signal(word),
            _ => pids.push(arg.parse::<u32>()),
        }
    }
    let all = processes::all(&call);
    let found: Vec<_> = pids.iter().flatten().map(|pid| all.iter().find(|process| process.pid == *pid)).collect();
    let (Some(signal), true) = (signal, !found.is_empty() && found.iter().all(Option::is_some)) else {
        // Not one of the node's: a process of the login, or nobody's.
        call.instead();
        return 0;
    };
    found.into_iter().flatten().for_each(|process| processes::send(&call, process, signal));
    0
}
