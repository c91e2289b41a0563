//! Programs that take memory and CPU: `stress`, and readers of files without an end. Who takes more memory than the container may have
//! is killed. What a load means for metrics is the metrics server's.

use std::time::Duration;

use super::files::amount;
use crate::sim::nodes::process::program::Program;

/// How long it takes to fill memory.
const FILLING: Duration = Duration::from_millis(500);

/// `stress --cpu 2 --vm 1 --vm-bytes 100M --timeout 60`, and vish/stress' `-cpus 2 -mem-total 100Mi`.
pub async fn stress(program: Program) -> i32 {
    let words: Vec<&str> = program.args().collect();
    let after = |names: &[&str]| {
        let both = |(at, word): (usize, &&str)| match word.split_once('=') {
            Some((name, value)) => names.contains(&name).then(|| value.to_owned()),
            None => names.contains(word).then(|| words.get(at + 1).map_or(String::new(), |word| (*word).to_owned())),
        };
        words.iter().enumerate().find_map(both)
    };
    let number = |names: &[&str]| after(names).and_then(|text| text.parse::<u64>().ok()).unwrap_or_default();
    let (cpu, io, workers) = (number(&["--cpu", "-c"]), number(&["--io", "-i"]), number(&["--vm", "-m"]));
    let each = after(&["--vm-bytes"]).map_or(256 << 20, |text| amount(&text));
    let (processors, total) = (number(&["-cpus"]), after(&["-mem-total"]).map_or(0, |text| amount(&text)));
    if processors + total == 0 {
        let line = format!("stress: info: [{}] dispatching hogs: {cpu} cpu, {io} io, {workers} vm, 0 hdd", program.pid);
        program.say(&line).await;
    }
    program.sleep(FILLING).await;
    // A worker that fills memory over and over is as busy as one that computes, unless it is to hang on to it.
    let filling = if words.contains(&"--vm-hang") || words.contains(&"--vm-keep") { 0 } else { workers };
    let load = program.container.load((cpu + filling + processors) * 1000, workers * each + total);
    let time = after(&["--timeout", "-t"]).and_then(|text| text.trim_end_matches('s').parse().ok());
    match time {
        Some(seconds) => {
            program.sleep(Duration::from_secs(seconds)).await;
            drop(load);
            program.say(&format!("stress: info: [{}] successful run completed in {seconds}s", program.pid)).await;
            0
        }
        None => program.wait_for_ever().await,
    }
}

/// Whether a file never ends.
pub fn is_endless(path: &str) -> bool {
    matches!(path, "/dev/zero" | "/dev/urandom" | "/dev/random")
}

/// Reads on and on; with one CPU.
pub async fn read_for_ever(program: &Program) -> i32 {
    let _load = program.container.load(1000, 0);
    program.wait_for_ever().await
}

/// Wants to keep all it reads: takes memory until there is none.
pub async fn keep_for_ever(program: &Program) -> i32 {
    let _load = program.container.load(1000, 0);
    program.sleep(FILLING).await;
    program.container.finish(137, true);
    137
}
