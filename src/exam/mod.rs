//! The session's state machine, pure: what an exam or a practice is, and what follows from each event.
//! Clusters, files and screens are driven by the app.
