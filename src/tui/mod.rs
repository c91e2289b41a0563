//! The screens.
//! State machine: message, update, effects as data; views only read.
