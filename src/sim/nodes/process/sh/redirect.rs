//! Redirections: where a command's streams go instead.
//! What is written and read there is `../stream.rs`.

use super::parse::BOTH;
use super::run::{Shell, Stop};
use super::tree::{Redirect, Target};
use crate::sim::nodes::process::files::FileError;
use crate::sim::nodes::process::stream::{Input, Output};

impl Shell {
    /// Redirects the shell's own streams; false when that cannot be.
    pub async fn redirect(&mut self, redirects: &[Redirect]) -> Result<bool, Stop> {
        for redirect in redirects {
            let (path, append) = match &redirect.to {
                Target::Same(stream) => {
                    let output = if *stream == 2 { self.program.errors.clone() } else { self.program.output.clone() };
                    self.put(redirect.stream, output);
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
                            self.complain(&format!("can't open {path}: no such file"), 1).await;
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
                    let why = match why {
                        FileError::Missing => "nonexistent directory".to_owned(),
                        why => why.to_string(),
                    };
                    self.complain(&format!("can't create {path}: {why}"), 1).await;
                    return Ok(false);
                }
            }
        }
        Ok(true)
    }

    fn put(&mut self, stream: u8, output: Output) {
        match stream {
            2 => self.program.errors = output,
            BOTH => {
                self.program.errors = output.clone();
                self.program.output = output;
            }
            _ => self.program.output = output,
        }
    }
}
