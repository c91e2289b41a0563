//! What the program says to those who look into it: with `KUBEDRILL_LOG` set it is written to a file, as the screen belongs to the learner.
//! What is said stands where it happens.

use std::fs::{File, OpenOptions};
use std::os::unix::fs::OpenOptionsExt as _;

use tracing_subscriber::EnvFilter;

use crate::app::home;
use crate::base::files;

/// The variable: a filter such as `info`, or `kubedrill=debug`.
const WANTED: &str = "KUBEDRILL_LOG";
const NAME: &str = "kubedrill.log";

/// Begins to write, where it is wanted. The error says why it cannot be.
pub fn begin() -> Result<(), String> {
    let Some(wanted) = std::env::var(WANTED).ok().filter(|wanted| !wanted.is_empty()) else { return Ok(()) };
    let filter = EnvFilter::try_new(&wanted).map_err(|error| format!("{WANTED}={wanted} is no filter: {error}"))?;
    let file = open().map_err(|error| format!("{NAME} cannot be written: {error}"))?;
    let written = tracing_subscriber::fmt().with_env_filter(filter).with_ansi(false).with_writer(file);
    written.try_init().map_err(|error| error.to_string())
}

fn open() -> std::io::Result<File> {
    let dirs = home::dirs().map_err(|error| std::io::Error::other(error.why))?;
    files::private_dir(&dirs.state)?;
    OpenOptions::new().create(true).append(true).mode(0o600).open(dirs.state.join(NAME))
}
