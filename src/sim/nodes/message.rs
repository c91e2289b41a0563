//! What a container leaves behind when it ends: its termination message, from a file or from the end of its log.
//! Where it is shown is the container's status. Source: `pkg/kubelet/kuberuntime/kuberuntime_container.go`, getTerminationMessage.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;
use serde_json::Value;

use super::process::container::Container;
use super::process::files::{Mount, Volume};
use super::process::stream::Line;
use super::process::tree::{Entry, Kept};
use crate::object::meta;

/// The longest message from a file, in bytes.
const MOST: usize = 4096;
/// The longest from a log: bytes and lines.
const MOST_OF_LOG: (usize, usize) = (2048, 80);

/// The file that a container may write its message to, open to everybody.
pub fn mount(container: &Value) -> Option<Mount> {
    let path = meta::text(container, "/terminationMessagePath");
    let file = Entry { mode: 0o666, ..Entry::file(Vec::new(), Timestamp::UNIX_EPOCH) };
    let tree = BTreeMap::from([("message".to_owned(), file)]);
    (!path.is_empty()).then(|| Mount {
        path: path.to_owned(),
        volume: Volume::Kept(Arc::new(Kept::new(Arc::new(tree)))),
        below: "message".to_owned(),
        read_only: false,
        mode: 0o666,
        group: 0,
        in_memory: None,
        own: true,
    })
}

/// What a container that ended with this code has to say.
pub fn of(container: &Value, run: &Container, code: i32) -> String {
    let path = meta::text(container, "/terminationMessagePath");
    let mut written = run.files.read(path).unwrap_or_default();
    // What was written last counts, as in a log.
    written.drain(..written.len().saturating_sub(MOST));
    let falls_back = meta::text(container, "/terminationMessagePolicy") == "FallbackToLogsOnError";
    if !written.is_empty() || !falls_back || code == 0 {
        return String::from_utf8_lossy(&written).into_owned();
    }
    let (lines, _) = run.log.lines(0);
    let last = lines.iter().skip(lines.len().saturating_sub(MOST_OF_LOG.1));
    let text: String = last.flat_map(Line::written).collect();
    let mut from = text.len().saturating_sub(MOST_OF_LOG.0);
    while !text.is_char_boundary(from) {
        from += 1;
    }
    text[from..].to_owned()
}
