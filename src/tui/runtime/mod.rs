//! The loop around the state machine: hears the terminal, the desk, the shells and the clock; does what the effects say; draws.
//! The loop itself stands in `play`, taking and giving back the terminal in `stage`, the running shells in `shells`.

mod clicks;
pub mod play;
mod shells;
pub mod stage;

use self::play::{Cast, play};
use self::stage::{Stage, StageError};

/// Takes the terminal, shows the screens, beginning with the cast's opening, until the learner quits, and gives the terminal back, also after a panic.
///
/// To be awaited on the thread that started it, such as by `Runtime::block_on`: a panic of this thread gives the terminal back.
pub async fn run(cast: Cast) -> Result<(), StageError> {
    let mut stage = Stage::enter()?;
    let input = stage.input();
    let mut outside = stage.outside();
    let played = play(&mut stage.terminal, input, &mut outside, cast).await;
    stage.leave();
    played.map_err(StageError::Terminal)
}
