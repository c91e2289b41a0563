//! The commands of a node that the cluster answers for: one file each, a row here.
//! All others are the host's own programs on the node's files.

mod etcdctl;
mod etcdutl;
mod journalctl;

use futures::future::BoxFuture;

use super::call::Call;

/// A command.
pub struct Command {
    /// What is typed.
    pub name: &'static str,
    /// What it does; its result is the exit code.
    run: fn(Call) -> BoxFuture<'static, u8>,
}

/// Every command.
pub static COMMANDS: &[Command] = &[
    Command { name: "etcdctl", run: |call| Box::pin(etcdctl::run(call)) },
    Command { name: "etcdutl", run: |call| Box::pin(etcdutl::run(call)) },
    Command { name: "journalctl", run: |call| Box::pin(journalctl::run(call)) },
];

/// Runs the command a call names; 127 where there is none of that name.
pub async fn run(call: Call) -> u8 {
    let name = call.words.first().map_or("", |word| word.rsplit('/').next().unwrap_or(word));
    match COMMANDS.iter().find(|command| command.name == name) {
        Some(command) => (command.run)(call).await,
        None => {
            call.complain(format_args!("bash: {name}: command not found"));
            127
        }
    }
}
