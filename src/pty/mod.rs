//! The learner's shell in a pseudo-terminal, and its screen.
//! Drawing it is the tui's.
