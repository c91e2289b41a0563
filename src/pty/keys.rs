//! What a terminal sends to its program for a key or a paste, as xterm does.
//! Pure: the modes come in, bytes come out. Which keys reach the shell at all is decided by the screens.
//!
//! Source: xterm's "Control Sequences" (invisible-island.net/xterm/ctlseqs), sections "PC-Style Function Keys" and "Bracketed Paste Mode".

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

/// The bytes for a key; empty when a terminal has none for it. `app_cursor`: the program asked for application cursor keys (DECCKM).
pub fn encode(key: &KeyEvent, app_cursor: bool) -> Vec<u8> {
    let modifiers = key.modifiers;
    match key.code {
        KeyCode::Char(c) => character(c, modifiers),
        KeyCode::Enter => with_alt(modifiers, b"\r"),
        KeyCode::Tab if modifiers.contains(KeyModifiers::SHIFT) => b"\x1b[Z".to_vec(),
        KeyCode::Tab => with_alt(modifiers, b"\t"),
        KeyCode::BackTab => b"\x1b[Z".to_vec(),
        KeyCode::Esc => with_alt(modifiers, b"\x1b"),
        KeyCode::Null => vec![0],
        KeyCode::Backspace if modifiers.contains(KeyModifiers::CONTROL) => with_alt(modifiers, b"\x08"),
        KeyCode::Backspace => with_alt(modifiers, b"\x7f"),
        KeyCode::Up => cursor('A', modifiers, app_cursor),
        KeyCode::Down => cursor('B', modifiers, app_cursor),
        KeyCode::Right => cursor('C', modifiers, app_cursor),
        KeyCode::Left => cursor('D', modifiers, app_cursor),
        KeyCode::Home => cursor('H', modifiers, app_cursor),
        KeyCode::End => cursor('F', modifiers, app_cursor),
        KeyCode::KeypadBegin => cursor('E', modifiers, app_cursor),
        KeyCode::Insert => tilde(2, modifiers),
        KeyCode::Delete => tilde(3, modifiers),
        KeyCode::PageUp => tilde(5, modifiers),
        KeyCode::PageDown => tilde(6, modifiers),
        KeyCode::F(n) => function(n, modifiers),
        _ => Vec::new(),
    }
}

/// The bytes for pasted text. A bracketed paste has its escapes taken out, so that a text cannot end its own paste and type commands.
pub fn paste(text: &str, bracketed: bool) -> Vec<u8> {
    if bracketed {
        let clean: String = text.chars().filter(|c| !matches!(c, '\x1b' | '\x03')).collect();
        format!("\x1b[200~{clean}\x1b[201~").into_bytes()
    } else {
        text.replace("\r\n", "\r").replace('\n', "\r").into_bytes()
    }
}

fn character(c: char, modifiers: KeyModifiers) -> Vec<u8> {
    if modifiers.contains(KeyModifiers::CONTROL)
        && let Some(code) = control(c)
    {
        return with_alt(modifiers, &[code]);
    }
    with_alt(modifiers, c.encode_utf8(&mut [0; 4]).as_bytes())
}

/// The control code of a character held with Ctrl, as on a VT220's keyboard.
fn control(c: char) -> Option<u8> {
    Some(match c {
        'a'..='z' => c as u8 - b'a' + 1,
        'A'..='Z' => c as u8 - b'A' + 1,
        ' ' | '@' | '2' | '`' => 0,
        '[' | '3' | '{' => 27,
        '\\' | '4' | '|' => 28,
        ']' | '5' | '}' => 29,
        '^' | '6' | '~' => 30,
        '_' | '7' | '/' => 31,
        '?' | '8' => 127,
        _ => return None,
    })
}

fn with_alt(modifiers: KeyModifiers, bytes: &[u8]) -> Vec<u8> {
    let mut sent = Vec::with_capacity(bytes.len() + 1);
    if modifiers.contains(KeyModifiers::ALT) {
        sent.push(0x1b);
    }
    sent.extend_from_slice(bytes);
    sent
}

/// xterm's modifier parameter: one more than shift 1, alt 2, ctrl 4, meta 8.
fn parameter(modifiers: KeyModifiers) -> u8 {
    let weight = |modifier, weight| if modifiers.contains(modifier) { weight } else { 0 };
    1 + weight(KeyModifiers::SHIFT, 1)
        + weight(KeyModifiers::ALT, 2)
        + weight(KeyModifiers::CONTROL, 4)
        + weight(KeyModifiers::META | KeyModifiers::SUPER, 8)
}

fn cursor(last: char, modifiers: KeyModifiers, app_cursor: bool) -> Vec<u8> {
    match parameter(modifiers) {
        1 if app_cursor => format!("\x1bO{last}").into_bytes(),
        1 => format!("\x1b[{last}").into_bytes(),
        parameter => format!("\x1b[1;{parameter}{last}").into_bytes(),
    }
}

fn tilde(number: u8, modifiers: KeyModifiers) -> Vec<u8> {
    match parameter(modifiers) {
        1 => format!("\x1b[{number}~").into_bytes(),
        parameter => format!("\x1b[{number};{parameter}~").into_bytes(),
    }
}

fn function(n: u8, modifiers: KeyModifiers) -> Vec<u8> {
    // The numbers have gaps where the VT220 had none of these keys.
    const NUMBERS: [u8; 16] = [15, 17, 18, 19, 20, 21, 23, 24, 25, 26, 28, 29, 31, 32, 33, 34];
    match n {
        1..=4 => {
            let last = char::from(b'P' + n - 1);
            match parameter(modifiers) {
                1 => format!("\x1bO{last}").into_bytes(),
                parameter => format!("\x1b[1;{parameter}{last}").into_bytes(),
            }
        }
        5..=20 => tilde(NUMBERS[usize::from(n) - 5], modifiers),
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sent(code: KeyCode, modifiers: KeyModifiers) -> String {
        String::from_utf8_lossy(&encode(&KeyEvent::new(code, modifiers), false)).into_owned()
    }

    #[test]
    fn keys_are_sent_as_xterm_sends_them() {
        let plain = KeyModifiers::NONE;
        let cases = [
            (KeyCode::Char('a'), plain, "a"),
            (KeyCode::Char('é'), plain, "é"),
            (KeyCode::Char('c'), KeyModifiers::CONTROL, "\x03"),
            (KeyCode::Char(' '), KeyModifiers::CONTROL, "\0"),
            (KeyCode::Char('4'), KeyModifiers::CONTROL, "\x1c"),
            (KeyCode::Char('b'), KeyModifiers::ALT, "\x1bb"),
            (KeyCode::Char('x'), KeyModifiers::ALT | KeyModifiers::CONTROL, "\x1b\x18"),
            (KeyCode::Enter, plain, "\r"),
            (KeyCode::Backspace, plain, "\x7f"),
            (KeyCode::Backspace, KeyModifiers::ALT, "\x1b\x7f"),
            (KeyCode::BackTab, KeyModifiers::SHIFT, "\x1b[Z"),
            (KeyCode::Up, plain, "\x1b[A"),
            (KeyCode::Right, KeyModifiers::CONTROL, "\x1b[1;5C"),
            (KeyCode::Home, KeyModifiers::SHIFT, "\x1b[1;2H"),
            (KeyCode::Delete, plain, "\x1b[3~"),
            (KeyCode::PageUp, KeyModifiers::ALT, "\x1b[5;3~"),
            (KeyCode::F(1), plain, "\x1bOP"),
            (KeyCode::F(2), KeyModifiers::CONTROL, "\x1b[1;5Q"),
            (KeyCode::F(5), plain, "\x1b[15~"),
            (KeyCode::F(12), KeyModifiers::SHIFT, "\x1b[24;2~"),
        ];
        for (code, modifiers, expected) in cases {
            assert_eq!(sent(code, modifiers), expected, "{code:?} {modifiers:?}");
        }
    }

    #[test]
    fn application_cursor_keys_change_only_plain_arrows() {
        let up = |modifiers| encode(&KeyEvent::new(KeyCode::Up, modifiers), true);
        assert_eq!(up(KeyModifiers::NONE), b"\x1bOA");
        assert_eq!(up(KeyModifiers::CONTROL), b"\x1b[1;5A");
    }

    #[test]
    fn a_paste_cannot_end_itself() {
        assert_eq!(paste("ls\x1b[201~\nrm", true), b"\x1b[200~ls[201~\nrm\x1b[201~");
        assert_eq!(paste("a\r\nb\nc", false), b"a\rb\rc");
    }
}
