//! `stress`: takes memory and CPU, and is killed when it takes more than it may.
//! What a load means for metrics is not here.

use std::time::Duration;

use super::files::amount;
use crate::sim::nodes::process::program::Program;

pub async fn stress(program: Program) -> i32 {
    let words: Vec<&str> = program.args().collect();
    let after = |names: &[&str]| {
        let at = words.iter().position(|word| names.contains(word))?;
        words.get(at + 1).copied()
    };
    let number = |names: &[&str]| after(names).and_then(|text| text.parse::<u64>().ok()).unwrap_or_default();
    let (cpu, io, workers) = (number(&["--cpu", "-c"]), number(&["--io", "-i"]), number(&["--vm", "-m"]));
    let each = after(&["--vm-bytes"]).map_or(256 << 20, amount);
    let line = format!("stress: info: [{}] dispatching hogs: {cpu} cpu, {io} io, {workers} vm, 0 hdd", program.pid);
    program.say(&line).await;
    let most = program.container.memory.and_then(|most| u64::try_from(most).ok()).filter(|most| *most > 0);
    if most.is_some_and(|most| workers * each > most) {
        program.sleep(Duration::from_millis(500)).await;
        program.container.finish(137, true);
        return 137;
    }
    let time = after(&["--timeout", "-t"]).map(|text| text.trim_end_matches('s')).and_then(|text| text.parse().ok());
    match time {
        Some(seconds) => {
            program.sleep(Duration::from_secs(seconds)).await;
            program.say(&format!("stress: info: [{}] successful run completed in {seconds}s", program.pid)).await;
            0
        }
        None => program.wait_for_ever().await,
    }
}
