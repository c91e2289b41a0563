//! `hexdump`: bytes as numbers, in the canonical form (`-C`) and in words of two bytes.
//! Source: `util-linux/hexdump.c` of BusyBox 1.36.

use super::{has, options, value};
use crate::sim::nodes::process::program::Program;

/// How many bytes a line shows.
const LINE: usize = 16;

pub async fn hexdump(program: Program) -> i32 {
    let (options, mut paths) = options(&program, "ns");
    if paths.is_empty() {
        paths.push("-".to_owned());
    }
    let mut bytes = Vec::new();
    for path in paths {
        match program.read(&path).await {
            Ok(more) => bytes.extend(more),
            Err(why) => return program.fail(&format!("{path}: {why}"), 1).await,
        }
    }
    let number = |letter| value(&options, letter).and_then(|number| number.parse::<usize>().ok());
    let first = number('s').unwrap_or(0).min(bytes.len());
    let last = number('n').map_or(bytes.len(), |length| first.saturating_add(length).min(bytes.len()));
    let text = dump(&bytes[first..last], first, has(&options, 'C'));
    i32::from(!program.write(text.as_bytes()).await)
}

/// The lines, the first of them at an offset; lines like the one before are one star.
fn dump(bytes: &[u8], first: usize, canonical: bool) -> String {
    let width = if canonical { 8 } else { 7 };
    let mut text = String::new();
    let (mut before, mut starred) = (None, false);
    for (at, line) in bytes.chunks(LINE).enumerate() {
        if before == Some(line) {
            if !std::mem::replace(&mut starred, true) {
                text.push_str("*\n");
            }
            continue;
        }
        (before, starred) = (Some(line), false);
        text.push_str(&format!("{:0width$x}{}\n", first + at * LINE, shown(line, canonical)));
    }
    if !bytes.is_empty() {
        text.push_str(&format!("{:0width$x}\n", first + bytes.len()));
    }
    text
}

fn shown(line: &[u8], canonical: bool) -> String {
    if !canonical {
        let words = line.chunks(2).map(|pair| {
            let high = pair.get(1).copied().unwrap_or_default();
            format!(" {high:02x}{:02x}", pair.first().copied().unwrap_or_default())
        });
        return words.collect();
    }
    let mut text = String::new();
    for at in 0..LINE {
        text.push_str(if at % 8 == 0 { "  " } else { " " });
        text.push_str(&line.get(at).map_or_else(|| "  ".to_owned(), |byte| format!("{byte:02x}")));
    }
    let letter = |byte: &u8| if (0x20..0x7f).contains(byte) { char::from(*byte) } else { '.' };
    format!("{text}  |{}|", line.iter().map(letter).collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::dump;

    #[test]
    fn bytes_are_shown_as_numbers() {
        let canonical = "00000000  de ca fe ba 41 0a                                 |....A.|\n00000006\n";
        assert_eq!(dump(&[0xde, 0xca, 0xfe, 0xba, 0x41, 0x0a], 0, true), canonical);
        assert_eq!(dump(b"abc", 0, false), "0000000 6261 0063\n0000003\n");
        assert_eq!(dump(&[0; 64], 0, false).lines().nth(1), Some("*"));
    }
}
