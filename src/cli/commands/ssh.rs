//! `kubedrill ssh`: into a node of the open task's cluster, or of the one that is up, from any terminal or script.
//! The `ssh` of the learner's shell is `called`'s.

use clap::Args;

use crate::cli::Done;
use crate::cli::visit::{self, Terminal};

/// Which node.
#[derive(Debug, Args)]
pub struct Ssh {
    /// The node.
    node: String,
    /// Which task or cluster, where several are open: a scenario, or a cluster's name.
    #[arg(long)]
    of: Option<String>,
    /// Give the command a terminal, as ssh -t does.
    #[arg(short)]
    terminal: bool,
    /// What to run there; its exit code is this command's. A shell when left out.
    #[arg(last = true)]
    command: Vec<String>,
}

/// Runs it.
pub async fn run(asked: &Ssh) -> Done {
    let way = visit::way(asked.of.as_deref()).await?;
    let command = (!asked.command.is_empty()).then(|| asked.command.join(" "));
    let terminal = if asked.terminal { Terminal::Wanted } else { Terminal::Usual };
    Err(visit::enter(&way, &asked.node, command, terminal).await)
}
