//! What every layer may lean on: the clock, seeds, directories, atomic files, the program's own file.
//! Nothing here knows Kubernetes.

pub mod capability;
pub mod clock;
pub mod dirs;
pub mod files;
pub mod program;
pub mod seed;
pub mod topology;
