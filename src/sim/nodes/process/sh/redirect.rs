//! Redirections: where a command's streams go instead.
//! What is written and read there is `../stream.rs`.

use super::dialect::{Dialect, Lost};
use super::run::{Shell, Stop};
use super::tree::{BOTH, Redirect, Target};
use crate::sim::nodes::process::files::FileError;
use crate::sim::nodes::process::stream::{Input, Output};

impl Shell {
    /// Redirects the shell's own streams; false when that cannot be.
    pub async fn redirect(&mut self, redirects: &[Redirect]) -> Result<bool, Stop> {
        for redirect in redirects {
            let (path, append) = match &redirect.to {
                Target::Same(stream) => {
                    match stream {
                        1 => self.put(redirect.stream, self.program.output.clone()),
                        2 => self.put(redirect.stream, self.program.errors.clone()),
                        _ => {}
                    }
                    continue;
                }
                Target::Closed => {
                    match redirect.stream {
                        0 => self.program.input = Input::Nothing,
                        stream => self.put(stream, Output::Nowhere),
                    }
                    continue;
                }
                Target::Here(word) => {
                    self.program.input = Input::text(self.text(word).await?);
                    continue;
                }
                Target::Read(word) => {
                    let path = self.text(word).await?;
                    match self.program.read(&path).await {
                        Ok(bytes) => self.program.input = Input::text(bytes),
                        Err(_) => {
                            self.complain(&self.dialect.lost(Lost::Reading, &path), 1).await;
                            return Ok(false);
                        }
                    }
                    continue;
                }
                Target::Write(word) => (self.text(word).await?, false),
                Target::Append(word) => (self.text(word).await?, true),
            };
            match self.program.open(&path, append) {
                Ok(output) => self.put(redirect.stream, output),
                Err(why) => {
                    let complaint = match (self.dialect, why) {
                        (dialect, FileError::Missing) => dialect.lost(Lost::Writing, &path),
                        (Dialect::Ash, why) => format!("can't create {path}: {why}"),
                        (Dialect::Dash, why) => format!("cannot create {path}: {why}"),
                        (Dialect::Bash, why) => format!("{path}: {why}"),
                    };
                    self.complain(&complaint, 1).await;
                    return Ok(false);
                }
            }
        }
        Ok(true)
    }

    fn put(&mut self, stream: u8, output: Output) {
        match stream {
            1 => self.program.output = output,
            2 => self.program.errors = output,
            BOTH => {
                self.program.errors = output.clone();
                self.program.output = output;
            }
            // Further streams lead nowhere.
            _ => {}
        }
    }
}
