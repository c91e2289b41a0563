//! What a terminal sends to a program that asked for the mouse.
//! Pure: the modes come in, bytes come out. Selecting with the mouse, when no program wants it, is the terminal's.
//!
//! Source: xterm's "Control Sequences", section "Mouse Tracking".

use crossterm::event::{KeyModifiers, MouseButton, MouseEventKind};

/// What the program wants to hear of the mouse, and how.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MouseMode {
    /// Presses and releases.
    pub clicks: bool,
    /// Moves while a button is held.
    pub drags: bool,
    /// Every move.
    pub moves: bool,
    /// Positions as decimal numbers (1006), not as bytes.
    pub sgr: bool,
    /// Positions as UTF-8 characters (1005).
    pub utf8: bool,
}

impl MouseMode {
    /// Whether the program wants the mouse at all.
    pub fn wanted(self) -> bool {
        self.clicks || self.drags || self.moves
    }
}

/// The bytes for what the mouse did at `column`, `row` (from 0); empty when the program does not want to hear of it.
pub fn encode(kind: MouseEventKind, modifiers: KeyModifiers, at: (u16, u16), mode: MouseMode) -> Vec<u8> {
    let Some((code, released)) = code(kind, mode) else { return Vec::new() };
    let weight = |modifier, weight| if modifiers.contains(modifier) { weight } else { 0u8 };
    let code = code
        + weight(KeyModifiers::SHIFT, 4)
        + weight(KeyModifiers::ALT | KeyModifiers::META, 8)
        + weight(KeyModifiers::CONTROL, 16);
    let (column, row) = (at.0 + 1, at.1 + 1);
    if mode.sgr {
        let last = if released { 'm' } else { 'M' };
        return format!("\x1b[<{code};{column};{row}{last}").into_bytes();
    }
    // The old form tells a release, but not of which button.
    let code = if released { (code & !0b11) | 3 } else { code };
    let mut bytes = b"\x1b[M".to_vec();
    bytes.push(32 + code);
    for position in [column, row] {
        match (mode.utf8, position) {
            (true, 0..=2014) => {
                let shown = char::from_u32(u32::from(position) + 32).unwrap_or(' ');
                bytes.extend_from_slice(shown.encode_utf8(&mut [0; 4]).as_bytes());
            }
            (false, 0..=222) => bytes.push(position as u8 + 32),
            _ => return Vec::new(),
        }
    }
    bytes
}

/// The button's number and whether this is its release.
fn code(kind: MouseEventKind, mode: MouseMode) -> Option<(u8, bool)> {
    let number = |button| match button {
        MouseButton::Left => 0,
        MouseButton::Middle => 1,
        MouseButton::Right => 2,
    };
    Some(match kind {
        _ if !mode.wanted() => return None,
        MouseEventKind::Down(button) => (number(button), false),
        MouseEventKind::Up(button) => (number(button), true),
        MouseEventKind::Drag(button) if mode.drags || mode.moves => (number(button) + 32, false),
        MouseEventKind::Moved if mode.moves => (35, false),
        MouseEventKind::ScrollUp => (64, false),
        MouseEventKind::ScrollDown => (65, false),
        MouseEventKind::ScrollLeft => (66, false),
        MouseEventKind::ScrollRight => (67, false),
        MouseEventKind::Drag(_) | MouseEventKind::Moved => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const LEFT: MouseButton = MouseButton::Left;

    #[test]
    fn sgr_says_button_place_and_release() {
        let mode = MouseMode { clicks: true, sgr: true, ..MouseMode::default() };
        let sent = |kind| String::from_utf8(encode(kind, KeyModifiers::CONTROL, (4, 9), mode)).unwrap();
        assert_eq!(sent(MouseEventKind::Down(LEFT)), "\x1b[<16;5;10M");
        assert_eq!(sent(MouseEventKind::Up(MouseButton::Right)), "\x1b[<18;5;10m");
        assert_eq!(sent(MouseEventKind::ScrollDown), "\x1b[<81;5;10M");
        assert_eq!(sent(MouseEventKind::Drag(LEFT)), "", "drags were not asked for");
    }

    #[test]
    fn the_old_form_counts_from_a_space() {
        let mode = MouseMode { clicks: true, drags: true, ..MouseMode::default() };
        let sent = |kind, at| encode(kind, KeyModifiers::NONE, at, mode);
        assert_eq!(sent(MouseEventKind::Down(LEFT), (0, 0)), b"\x1b[M !!");
        assert_eq!(sent(MouseEventKind::Up(LEFT), (0, 0)), b"\x1b[M#!!");
        assert_eq!(sent(MouseEventKind::Drag(LEFT), (1, 0)), b"\x1b[M@\"!");
        assert_eq!(sent(MouseEventKind::Down(LEFT), (300, 0)), b"", "beyond what a byte can say");
    }

    #[test]
    fn a_program_that_did_not_ask_hears_nothing() {
        let sent = encode(MouseEventKind::Down(LEFT), KeyModifiers::NONE, (0, 0), MouseMode::default());
        assert!(sent.is_empty());
    }
}
