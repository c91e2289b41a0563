//! Counts clicks: a second one at the same place, soon after the first, is a double click.
//! What a double click means stands with those who hear of it.

use crossterm::event::{MouseEvent, MouseEventKind};
use jiff::{SignedDuration, Timestamp};

/// Clicks further apart than this are single ones.
const APART: SignedDuration = SignedDuration::from_millis(400);

/// The latest clicks.
#[derive(Debug, Default)]
pub struct Clicks {
    last: Option<(Timestamp, u16, u16)>,
    count: u8,
}

impl Clicks {
    /// How many clicks this event is the latest of; for a drag or release, of the press before.
    pub fn count(&mut self, event: &MouseEvent, now: Timestamp) -> u8 {
        if let MouseEventKind::Down(_) = event.kind {
            let again = self.last.is_some_and(|(then, column, row)| {
                now.duration_since(then) <= APART && (column, row) == (event.column, event.row)
            });
            self.count = if again { (self.count % 3) + 1 } else { 1 };
            self.last = Some((now, event.column, event.row));
        }
        self.count
    }
}
