//! What was practised, how well it is remembered, and what is due. Pure functions over the history and the time.
//! Reading and writing the history's file is the app's.

pub mod attempt;
pub mod history;
pub mod memory;
pub mod next;
pub mod standing;
