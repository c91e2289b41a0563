//! Where a list or a long text stands: the chosen row, the first row shown. Drawing stands with the screens.
//! Moves and keeps within bounds; knows nothing of what is listed.

use super::action::Action;

/// A list's chosen entry and the first row shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct List {
    pub cursor: usize,
    pub offset: usize,
}

impl List {
    /// Moves by a moving action; false for any other.
    pub fn act(&mut self, action: &Action, count: usize, page: usize) -> bool {
        let last = count.saturating_sub(1);
        let page = page.saturating_sub(1).max(1);
        self.cursor = match action {
            Action::Up => self.cursor.saturating_sub(1),
            Action::Down => (self.cursor + 1).min(last),
            Action::PageUp => self.cursor.saturating_sub(page),
            Action::PageDown => (self.cursor + page).min(last),
            Action::Top => 0,
            Action::Bottom => last,
            _ => return false,
        };
        true
    }

    /// Moves the view as little as shows `row`, of `rows` in all, in `height` lines.
    pub fn follow(&mut self, row: usize, rows: usize, height: usize) {
        if row < self.offset {
            self.offset = row;
        } else if height > 0 && row >= self.offset + height {
            self.offset = row + 1 - height;
        }
        self.offset = self.offset.min(rows.saturating_sub(height));
    }
}

/// The first line shown of a long text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Scroll(pub usize);

impl Scroll {
    /// Moves by a moving action; false for any other.
    pub fn act(&mut self, action: &Action, page: usize) -> bool {
        let page = page.saturating_sub(1).max(1);
        self.0 = match action {
            Action::Up => self.0.saturating_sub(1),
            Action::Down => self.0 + 1,
            Action::PageUp => self.0.saturating_sub(page),
            Action::PageDown => self.0 + page,
            Action::Top => 0,
            Action::Bottom => usize::MAX / 2,
            _ => return false,
        };
        true
    }

    /// Keeps a text of `lines` lines from being scrolled out of `height` lines.
    pub fn keep(&mut self, lines: usize, height: usize) {
        self.0 = self.0.min(lines.saturating_sub(height));
    }

    /// `3–12 of 40` when not all is shown.
    pub fn place(self, lines: usize, height: usize) -> Option<String> {
        if lines <= height {
            return None;
        }
        let down = if self.0 + height < lines { " ▾" } else { "" };
        let up = if self.0 > 0 { "▴ " } else { "" };
        Some(format!("{up}{}–{} of {lines}{down}", self.0 + 1, (self.0 + height).min(lines)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_view_follows_the_cursor_as_little_as_it_must() {
        let mut list = List::default();
        for _ in 0..6 {
            list.act(&Action::Down, 10, 4);
            list.follow(list.cursor, 10, 4);
        }
        assert_eq!(list, List { cursor: 6, offset: 3 });
        list.act(&Action::Up, 10, 4);
        list.follow(list.cursor, 10, 4);
        assert_eq!(list, List { cursor: 5, offset: 3 });
        list.act(&Action::Bottom, 10, 4);
        list.follow(list.cursor, 10, 4);
        assert_eq!(list, List { cursor: 9, offset: 6 });
        list.follow(2, 3, 8);
        assert_eq!(list.offset, 0, "a list that became shorter shows its beginning");
    }

    #[test]
    fn a_text_says_what_part_of_it_is_shown() {
        let mut scroll = Scroll::default();
        assert_eq!(scroll.place(5, 10), None);
        assert_eq!(scroll.place(30, 10).as_deref(), Some("1–10 of 30 ▾"));
        scroll.act(&Action::Bottom, 10);
        scroll.keep(30, 10);
        assert_eq!(scroll.place(30, 10).as_deref(), Some("▴ 21–30 of 30"));
    }
}
