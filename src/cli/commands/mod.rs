//! The commands: one file each, a row here.
//! What they do is the app's.

mod cluster;
mod completions;
mod doctor;
mod exam;
mod grade;
mod hint;
mod history;
mod host;
mod list;
mod man;
mod next;
mod pack;
mod reset;
mod show;
mod solve;
mod ssh;
mod start;
mod stop;

use clap::Subcommand;

use super::Done;
use crate::app::home::Home;
use crate::cluster::Origin;
use crate::tui::desk::Opening;

/// Every command.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// What there is to practise, with your best score.
    List(list::List),
    /// A task's text.
    Show(show::Show),
    /// Practise a scenario.
    Start(start::Start),
    /// What holds in the open task, what does not, and why.
    Grade(grade::Grade),
    /// The next hint for the open task.
    Hint(hint::Hint),
    /// The solutions of the open task.
    Solve(solve::Solve),
    /// Set the open task up anew.
    Reset(reset::Reset),
    /// End the open task.
    Stop(stop::Stop),
    /// Sit a timed mock exam, or go on with the one under way.
    Exam(exam::Exam),
    /// The scenario you should do now.
    Next(next::Next),
    /// What you did, and where you are weak.
    History(history::History),
    /// A cluster of your own, without a task.
    #[command(subcommand)]
    Cluster(cluster::Cluster),
    /// Open a shell on a node, or run a command there.
    Ssh(ssh::Ssh),
    /// Write, check, prove and install packs of scenarios.
    #[command(subcommand)]
    Pack(pack::Pack),
    /// What this machine can do, and how to get what it lacks.
    Doctor(doctor::Doctor),
    /// Print completions for a shell.
    Completions(completions::Completions),
    /// Print the manual page.
    Man,
    /// Drives a task or a cluster in the background; started by other commands.
    #[command(subcommand, hide = true)]
    Host(host::Host),
}

/// Runs a command; the practice room where none is given.
pub async fn run(command: Option<Command>) -> Done {
    match command {
        Some(Command::List(asked)) => list::run(&asked),
        Some(Command::Show(asked)) => show::run(&asked),
        Some(Command::Start(asked)) => start::run(asked).await,
        Some(Command::Grade(asked)) => grade::run(&asked).await,
        Some(Command::Hint(asked)) => hint::run(&asked).await,
        Some(Command::Solve(asked)) => solve::run(&asked).await,
        Some(Command::Reset(asked)) => reset::run(&asked).await,
        Some(Command::Stop(asked)) => stop::run(&asked).await,
        Some(Command::Exam(asked)) => exam::run(asked).await,
        Some(Command::Next(asked)) => next::run(&asked),
        Some(Command::History(asked)) => history::run(&asked),
        Some(Command::Cluster(asked)) => cluster::run(asked).await,
        Some(Command::Ssh(asked)) => ssh::run(&asked).await,
        Some(Command::Pack(asked)) => pack::run(asked).await,
        Some(Command::Doctor(asked)) => doctor::run(&asked).await,
        Some(Command::Completions(asked)) => completions::run(&asked),
        Some(Command::Man) => man::run(),
        Some(Command::Host(asked)) => host::run(asked).await,
        None => super::room::open(Home::open(None)?, Origin::default(), Opening::Home).await,
    }
}
