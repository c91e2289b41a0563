//! A node's command run from this process, without a socket: to its end, with all it said.
//! For the cluster's own use: steps and checks.

use tokio::sync::mpsc::unbounded_channel;

use super::call::{Call, Inside};
use super::commands;
use super::protocol::Channel;

/// What a command came to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ended {
    pub code: u8,
    pub stdout: String,
    pub stderr: String,
}

/// Runs a command of a node as root in `/root`. `None` where there is no such node.
pub async fn run(inside: &Inside, node: &str, words: &[String]) -> Option<Ended> {
    let machine = inside.machines.get(node)?;
    let (out, mut output) = unbounded_channel();
    // Nobody types: standard input is at its end.
    let (_, input) = unbounded_channel();
    let (words, cwd) = (words.to_vec(), "/root".to_owned());
    let call = Call { inside: inside.clone(), machine, words, cwd, env: Vec::new(), columns: None, out, input };
    let code = commands::run(call).await;
    let (mut stdout, mut stderr) = (Vec::new(), Vec::new());
    while let Ok((channel, bytes)) = output.try_recv() {
        match channel {
            Channel::Stderr => stderr.extend(bytes),
            _ => stdout.extend(bytes),
        }
    }
    inside.machines.touched.notify_one();
    inside.control.settle().await;
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
    Some(Ended { code, stdout: text(stdout), stderr: text(stderr) })
}
