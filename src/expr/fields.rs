//! Where an expression asks a typed name for a field that its type does not have, as far as its text tells.
//! What a type's fields are is told by whoever asks.

/// What a type says of one of its fields.
pub enum Step<T> {
    /// The field's own type.
    Into(T),
    /// Nothing is known from here on.
    Open,
    /// There is none; the words for it.
    Wrong(String),
}

/// The first place in `text` where `name`, or what is below it, is asked for a field that is not there, and the words for it.
pub fn undefined<T: Copy>(text: &str, name: &str, of: T, step: impl Fn(T, &str) -> Step<T>) -> Option<(usize, String)> {
    let word = |letter: char| letter.is_ascii_alphanumeric() || letter == '_';
    for (start, _) in text.match_indices(&format!("{name}.")) {
        if text[..start].ends_with(|letter| word(letter) || letter == '.') || is_quoted(text, start) {
            continue;
        }
        let (mut at, mut within) = (start + name.len(), of);
        while text[at..].starts_with('.') {
            let rest = &text[at + 1..];
            let (field, after) = rest.split_at(rest.find(|letter| !word(letter)).unwrap_or(rest.len()));
            if after.starts_with('(') || field.is_empty() {
                break;
            }
            match step(within, field) {
                Step::Into(next) => within = next,
                Step::Open => break,
                // A macro stands where its bracket does.
                Step::Wrong(why) => {
                    let asked = text[..start].ends_with("has(") && after.starts_with(')');
                    return Some((if asked { start - 1 } else { at }, why));
                }
            }
            at += 1 + field.len();
        }
    }
    None
}

/// Whether a place is within a string.
fn is_quoted(text: &str, place: usize) -> bool {
    let mut open = None;
    let mut letters = text[..place].chars();
    while let Some(letter) = letters.next() {
        match (letter, open) {
            ('\\', Some(_)) => drop(letters.next()),
            ('"' | '\'', None) => open = Some(letter),
            (letter, Some(quote)) if letter == quote => open = None,
            _ => {}
        }
    }
    open.is_some()
}

/// A place in an expression as compilers of CEL point at it, with the words for what is wrong there; line and column count from 1.
pub fn pointed_at(text: &str, (line, column): (usize, usize), said: &str) -> String {
    let shown = text.lines().nth(line - 1).unwrap_or_default();
    format!("ERROR: <input>:{line}:{column}: {said}\n | {shown}\n | {}^", ".".repeat(column - 1))
}

/// Line and column of a byte, both from 1.
pub fn line_and_column(text: &str, place: usize) -> (usize, usize) {
    let before = text.get(..place).unwrap_or_default();
    let column = before.rsplit('\n').next().unwrap_or_default().chars().count();
    (before.matches('\n').count() + 1, column + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_asked_of_the_name_is_looked_at() {
        let step = |depth: u32, field: &str| match field {
            "known" => Step::Into(depth + 1),
            "free" => Step::Open,
            other => Step::Wrong(format!("no {other}")),
        };
        let found = |text: &str| undefined(text, "self", 0, step);
        assert_eq!(found("self.known.free.x == 1 && other.self.x && self.known.size() > 1"), None);
        assert_eq!(found("self.known == 'self.x'"), None);
        assert_eq!(found("true && self.known.x == 1"), Some((18, "no x".to_owned())));
        assert_eq!(found("has(self.x)"), Some((3, "no x".to_owned())));
        assert_eq!(line_and_column("a\nbc", 3), (2, 2));
    }
}
