//! Kubedrill: a practice room for the Certified Kubernetes Administrator exam, in the terminal.
//!
//! The modules are layers, lowest first; what each may use stands in `ARCHITECTURE.md` and is kept by `tests/it/architecture/`.

pub mod app;
pub mod base;
pub mod cli;
pub mod cluster;
pub mod exam;
pub mod expr;
pub mod grading;
pub mod lab;
pub mod object;
pub mod progress;
pub mod pty;
pub mod scenario;
pub mod sim;
pub mod tui;
