//! The session's state machine, pure: what an exam or a practice is, and what follows from each event.
//! Commands are decided into events, events are applied to the session, and applying says which effects are due.
//! Clusters, files and screens are driven by the app.

pub mod blueprint;
pub mod decide;
pub mod draw;
pub mod event;
pub mod journal;
pub mod plan;
pub mod results;
pub mod session;
