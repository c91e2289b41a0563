//! `ping`: BusyBox' and iputils'.
//! Who answers an echo is for the network to say: Pods and nodes do, Services do not.

use std::time::Duration;

use super::{RESOLVES, has, options, seconds, value};
use crate::sim::network::Silence;
use crate::sim::nodes::process::program::Program;

pub async fn ping(program: Program) -> i32 {
    let (options, words) = options(&program, "cwWis");
    let Some(host) = words.first().cloned() else { return program.fail("missing host", 1).await };
    let busybox = program.container.image.is_busybox();
    let found = match program.container.network.resolve(&host) {
        Ok(found) => found,
        Err(why) => {
            if why.silence() == Silence::NoDns {
                program.sleep(RESOLVES).await;
            }
            let text =
                if busybox { format!("bad address '{host}'") } else { format!("{host}: Name or service not known") };
            return program.fail(&text, if busybox { 1 } else { 2 }).await;
        }
    };
    let Some(address) = found.addresses.first().copied() else { return 1 };
    let head = if busybox { "56 data bytes" } else { "56(84) bytes of data." };
    let head = if busybox { format!("({address}): {head}") } else { format!("({address}) {head}") };
    program.say(&format!("PING {host} {head}")).await;
    let count: u64 = value(&options, 'c').and_then(|count| count.parse().ok()).unwrap_or(u64::MAX);
    let pause = seconds(value(&options, 'i')).unwrap_or(Duration::from_secs(1));
    let deadline = seconds(value(&options, 'w'));
    let (mut sent, mut received, mut waited) = (0u64, 0u64, Duration::ZERO);
    while sent < count && deadline.is_none_or(|deadline| waited < deadline) {
        sent += 1;
        if program.container.network.ping(address).is_ok() {
            received += 1;
            let time = format!("0.0{} ms", 70 + sent % 20);
            let line = if busybox {
                format!("64 bytes from {address}: seq={} ttl=64 time={time}", sent - 1)
            } else {
                format!("64 bytes from {address}: icmp_seq={sent} ttl=64 time={time}")
            };
            if !has(&options, 'q') && !program.say(&line).await {
                return 1;
            }
        }
        if sent < count || received < sent {
            program.sleep(pause).await;
            waited += pause;
        }
    }
    let loss = (sent - received) * 100 / sent.max(1);
    let word = if busybox { "packets received" } else { "received" };
    program.say(&format!("\n--- {host} ping statistics ---")).await;
    program.say(&format!("{sent} packets transmitted, {received} {word}, {loss}% packet loss")).await;
    if received > 0 {
        let head = if busybox { "round-trip min/avg/max" } else { "rtt min/avg/max/mdev" };
        let tail = if busybox { "" } else { "/0.006" };
        program.say(&format!("{head} = 0.071/0.078/0.089{tail} ms")).await;
    }
    i32::from(received == 0)
}
