//! The commands: one file each, a row here.
//! What they do is the app's.

mod pack;

use clap::Subcommand;

use super::Done;
use crate::app::home::Home;
use crate::cluster::Origin;
use crate::tui::desk::Opening;

/// Every command.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Write, check and prove packs of scenarios.
    #[command(subcommand)]
    Pack(pack::Pack),
}

/// Runs a command; the practice room where none is given.
pub async fn run(command: Option<Command>) -> Done {
    match command {
        Some(Command::Pack(pack)) => pack::run(pack).await,
        None => super::room::open(Home::open(None)?, Origin::default(), Opening::Home).await,
    }
}
