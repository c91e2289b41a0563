//! Opens the practice room on this terminal.
//! What happens in it is the screens'.

use std::io::IsTerminal;
use std::process::ExitCode;
use std::sync::Arc;

use super::Done;
use crate::app::error::{AppError, Kind};
use crate::app::home::Home;
use crate::base::clock::Clock;
use crate::cluster::Origin;
use crate::tui::desk::Opening;
use crate::tui::room::Room;
use crate::tui::runtime::play::Cast;
use crate::tui::runtime::run;
use crate::tui::theme::Theme;

/// Shows the room, beginning with something, until the learner leaves.
pub async fn open(home: Home, origin: Origin, opening: Opening) -> Done {
    if !std::io::stdin().is_terminal() || !std::io::stdout().is_terminal() {
        return Err(AppError::new(
            Kind::Usage,
            "the room cannot be opened",
            "standard input and output are no terminal",
        )
        .hint("kubedrill start SCENARIO --headless practises without one; kubedrill --help shows every command"));
    }
    let desk = Arc::new(Room::open(home, origin));
    let variable = |name: &str| std::env::var(name).ok();
    let cast = Cast { desk: desk.clone(), clock: Clock::wall(), theme: Theme::of_environment(variable), opening };
    let shown = run(cast).await;
    desk.close().await;
    shown.map_err(|error| AppError::new(Kind::Environment, "the screen failed", error))?;
    Ok(ExitCode::SUCCESS)
}
