//! CoreDNS: reads its Corefile, listens where that says, ends when a question comes back to it, and follows a file that changes.
//! What it answers is the network's. Source: `coremain/run.go`, `plugin/reload`, `plugin/loop` of CoreDNS 1.13.

use std::net::IpAddr;
use std::time::Duration;

use sha2::{Digest as _, Sha512};

use crate::sim::network::{ClusterDns, Corefile, read_corefile};
use crate::sim::nodes::process::program::Program;

/// The note under which a run keeps the Corefile it works with.
pub const COREFILE: &str = "Corefile";
/// How long it takes until a question of its own has come back to it.
const ROUND: Duration = Duration::from_secs(1);

/// Runs it.
pub async fn run(program: &Program) -> i32 {
    let path = program.container.option("-conf").unwrap_or_else(|| "Corefile".to_owned());
    let text = match read(program, &path) {
        Ok(text) => text,
        Err(why) => return fatal(program, &format!("open {path}: {}", why.to_lowercase())).await,
    };
    let mut file = match read_corefile(&text) {
        Ok(file) => file,
        Err(why) => return fatal(program, &why).await,
    };
    program.container.ends_on_term(0);
    for zone in file.zones() {
        program.say(&zone).await;
    }
    open(program, &file, &text);
    if file.reloads().is_some() {
        tell_hash(program, &text).await;
    }
    let tag = program.container.recipe.reference.rsplit_once(":v").map_or("1.13.1", |(_, tag)| tag);
    program.say(&format!("CoreDNS-{tag}")).await;
    program.say("linux/amd64, go1.25.2, 1db4568").await;
    if let Some(code) = looped(program, &file).await {
        return code;
    }
    let mut known = text;
    while let Some(pause) = file.reloads() {
        program.sleep(Duration::from_secs(pause)).await;
        let Some(text) = read(program, &path).ok().filter(|text| *text != known) else { continue };
        if let Err(why) = read_corefile(&text)
            && (why.ends_with("Unexpected EOF") || why.contains("Unexpected '}'"))
        {
            program.say(&format!("[WARNING] plugin/reload: Corefile parse failed: {why}")).await;
            continue;
        }
        // It is not tried again with the same file, even though it is wrong.
        known.clone_from(&text);
        program.say("[INFO] Reloading").await;
        match read_corefile(&text) {
            Ok(next) => {
                open(program, &next, &text);
                tell_hash(program, &text).await;
                program.say("[INFO] Reloading complete").await;
                file = next;
                if let Some(code) = looped(program, &file).await {
                    return code;
                }
            }
            Err(why) => {
                program.say(&format!("[ERROR] Restart failed: {why}")).await;
                program.say(&format!("[ERROR] plugin/reload: Corefile changed but reload failed: {why}")).await;
            }
        }
    }
    program.wait_for_ever().await
}

fn read(program: &Program, path: &str) -> Result<String, String> {
    let read = program.container.files.read(&program.path(path));
    read.map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).map_err(|why| why.to_string())
}

async fn fatal(program: &Program, why: &str) -> i32 {
    program.errors.write(program.engine(), format!("{why}\n").as_bytes()).await;
    1
}

/// From now on it works with this file.
fn open(program: &Program, file: &Corefile, text: &str) {
    let ports = file.ports();
    program.container.listens_only(&ports);
    program.container.note(COREFILE, text);
}

async fn tell_hash(program: &Program, text: &str) {
    let hash: String = Sha512::digest(text).iter().map(|byte| format!("{byte:02x}")).collect();
    program.say(&format!("[INFO] plugin/reload: Running configuration SHA512 = {hash}")).await;
}

/// Ends when a question comes back to it that it sends out for this.
async fn looped(program: &Program, file: &Corefile) -> Option<i32> {
    let address = program.container.address();
    let usual = ClusterDns::default().servers;
    let own = |server: IpAddr| server.is_loopback() || usual.contains(&server) || server.to_string() == address;
    let (zone, port) = file.looped(&own, &program.container.network.resolver.servers)?;
    program.sleep(ROUND).await;
    let whole = if zone.is_empty() { String::new() } else { format!("{zone}.") };
    let why = format!(
        "[FATAL] plugin/loop: Loop (127.0.0.1:41357 -> :{port}) detected for zone \"{zone}.\", see https://coredns.io/plugins/loop#troubleshooting. Query: \"HINFO 4547991504243258144.3688648895315093531.{whole}\""
    );
    program.say(&why).await;
    Some(1)
}
