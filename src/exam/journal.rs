//! The journal's text: one event a line in JSON, each with its time and the format's version, and how it is read after a kill.
//! Reading and writing the file is the app's, through `base::files::LineFile`.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::event::{Entry, Event};

/// The version of the lines written here.
pub const VERSION: u32 = 1;

#[derive(Serialize, Deserialize)]
struct Line {
    v: u32,
    at: Timestamp,
    #[serde(flatten)]
    event: Event,
}

/// Only what every version has.
#[derive(Deserialize)]
struct AnyLine {
    v: u32,
}

/// What a journal says.
#[derive(Clone, Debug, PartialEq)]
pub struct Journal {
    pub entries: Vec<Entry>,
    /// The lines, counted from 1, that a kill in the middle of a write left torn. What they were to say never came to be.
    pub torn: Vec<usize>,
}

/// Why a journal cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum JournalError {
    #[error("line {line} cannot be read: {why}")]
    Unreadable { line: usize, why: String },
    #[error("line {line} was written by a newer release (format {version}; this one reads up to {VERSION})")]
    TooNew { line: usize, version: u32 },
}

/// An entry as one line, without its line end.
///
/// The first entry after opening the file is [`Event::Resumed`]. When a line cannot be written (a full disk), the file is to be opened
/// anew before the next try, so that what was left of the line is ended, and begun with [`Event::Resumed`] again.
pub fn write(entry: &Entry) -> String {
    let line = Line { v: VERSION, at: entry.at, event: entry.event.clone() };
    // Maps with string keys, numbers and text: serde_json has no way to fail on these.
    serde_json::to_string(&line).unwrap_or_default()
}

/// Reads a journal's bytes.
///
/// A line that cannot be read is forgiven where a kill or a full disk may have torn it: at the end, and right before an
/// [`Event::Resumed`], which is what a program writes first when it goes on (and may have been kept from writing more than once).
/// Anywhere else it is an error: something else has damaged the file, and what it says can no longer be trusted.
pub fn read(bytes: &[u8]) -> Result<Journal, JournalError> {
    let mut journal = Journal { entries: Vec::new(), torn: Vec::new() };
    let mut doubtful: Vec<(usize, String)> = Vec::new();
    for (number, line) in (1..).zip(bytes.split(|byte| *byte == b'\n')) {
        if line.iter().all(u8::is_ascii_whitespace) {
            continue;
        }
        match read_line(number, line) {
            Ok(entry) => {
                match doubtful.first() {
                    Some((line, why)) if entry.event != Event::Resumed => {
                        return Err(JournalError::Unreadable { line: *line, why: why.clone() });
                    }
                    _ => journal.torn.extend(doubtful.drain(..).map(|(line, _)| line)),
                }
                journal.entries.push(entry);
            }
            Err(JournalError::Unreadable { line, why }) => doubtful.push((line, why)),
            Err(error) => return Err(error),
        }
    }
    journal.torn.extend(doubtful.into_iter().map(|(line, _)| line));
    Ok(journal)
}

fn read_line(number: usize, line: &[u8]) -> Result<Entry, JournalError> {
    let unreadable = |error: serde_json::Error| JournalError::Unreadable { line: number, why: error.to_string() };
    let AnyLine { v: version } = serde_json::from_slice(line).map_err(unreadable)?;
    if version > VERSION {
        return Err(JournalError::TooNew { line: number, version });
    }
    let Line { at, event, .. } = serde_json::from_slice(line).map_err(unreadable)?;
    Ok(Entry { at, event })
}
