//! A program about to run: its words, its variables, its three streams, and the container around it.
//! What each does is in `programs/`; the shell is in `sh/`.

use std::sync::Arc;
use std::time::Duration;

use super::container::{Container, Variables};
use super::engine::{Engine, Group};
use super::files::{FileError, absolute};
use super::stream::{Input, Output, Stream};

/// A program and all it may touch. Cheap to clone.
#[derive(Clone)]
pub struct Program {
    pub container: Arc<Container>,
    pub group: Arc<Group>,
    pub words: Vec<String>,
    pub variables: Variables,
    pub folder: String,
    pub input: Input,
    pub output: Output,
    pub errors: Output,
    pub pid: u32,
}

impl Program {
    /// The time and the other jobs.
    pub fn engine(&self) -> &Engine {
        &self.container.engine
    }

    /// Whether it is what the container was started for.
    pub fn is_first(&self) -> bool {
        self.container.processes.is_first(self.pid)
    }

    /// Its name as it was called.
    pub fn name(&self) -> &str {
        self.words.first().map_or("", |word| word.rsplit('/').next().unwrap_or_default())
    }

    /// The words after its name.
    pub fn args(&self) -> impl Iterator<Item = &str> {
        self.words.iter().skip(1).map(String::as_str)
    }

    /// Whether it may do what a capability is for.
    pub fn may(&self, capability: &str) -> bool {
        self.container.capabilities.iter().any(|known| known == capability)
    }

    /// Waits; costs nothing while it stands still.
    pub async fn sleep(&self, time: Duration) {
        self.engine().sleep(&self.group, time).await;
    }

    /// Waits for ever.
    pub async fn wait_for_ever(&self) -> i32 {
        loop {
            self.sleep(Duration::from_secs(86400 * 365)).await;
        }
    }

    /// Writes a line; false when nobody will read it.
    pub async fn say(&self, line: &str) -> bool {
        self.output.write(self.engine(), format!("{line}\n").as_bytes()).await
    }

    /// Writes as it is.
    pub async fn write(&self, bytes: &[u8]) -> bool {
        self.output.write(self.engine(), bytes).await
    }

    /// Complains, and gives the code that goes with it.
    pub async fn fail(&self, complaint: &str, code: i32) -> i32 {
        let line = format!("{}: {complaint}\n", self.name());
        self.errors.write(self.engine(), line.as_bytes()).await;
        code
    }

    /// A path as a whole.
    pub fn path(&self, path: &str) -> String {
        absolute(&self.folder, path)
    }

    /// A file's bytes; `-` is the input.
    pub async fn read(&self, path: &str) -> Result<Vec<u8>, FileError> {
        match path {
            "-" | "/dev/stdin" => Ok(self.input.rest().await),
            "/dev/null" | "/dev/zero" => Ok(Vec::new()),
            _ => self.container.files.read(&self.path(path)),
        }
    }

    /// Where what is written to a path goes: a file that is made empty first unless it is to be added to.
    pub fn open(&self, path: &str, append: bool) -> Result<Output, FileError> {
        match path {
            "/dev/null" => return Ok(Output::Nowhere),
            "/dev/stdout" => return Ok(self.output.clone()),
            "/dev/stderr" => return Ok(self.errors.clone()),
            "/dev/termination-log" | "/proc/1/fd/1" | "/proc/1/fd/2" => {}
            _ => {}
        }
        if matches!(path, "/proc/1/fd/1" | "/proc/1/fd/2" | "/proc/self/fd/1") {
            return Ok(Output::Log(self.container.log.clone(), Stream::Output));
        }
        let (files, path) = (&self.container.files, self.path(path));
        files.write(&path, b"", append, self.engine().now())?;
        self.engine().stir();
        Ok(Output::File(files.clone(), path))
    }
}
