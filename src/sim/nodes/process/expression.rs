//! Regular expressions as `grep` and `sed` have them, basic or extended, read into those of `regex`.
//! Of several alternatives the first that fits counts, where POSIX takes the longest; references within an expression are not there.

use regex::{Regex, RegexBuilder};

/// Reads one; what makes no sense stands for itself. `fold` makes no difference between cases. `None` where it is too long.
pub fn expression(pattern: &str, extended: bool, fold: bool) -> Option<Regex> {
    built(&translated(pattern, extended), fold).or_else(|| built(&regex::escape(pattern), fold))
}

/// Of what is written as `regex` has it, if it can be read.
pub fn built(text: &str, fold: bool) -> Option<Regex> {
    RegexBuilder::new(text).case_insensitive(fold).build().ok()
}

/// The same as `regex` has it (POSIX.1-2017, base definitions, section 9, and what GNU's tools add).
pub fn translated(pattern: &str, extended: bool) -> String {
    let mut out = String::new();
    let mut rest = pattern;
    while let Some(letter) = rest.chars().next() {
        let after = &rest[letter.len_utf8()..];
        // Whether an expression begins here, where signs stand for themselves.
        let begins = out.is_empty() || out.ends_with(['(', '|']) && !out.ends_with("\\(") && !out.ends_with("\\|");
        rest = match letter {
            '\\' => escaped(after, extended, &mut out),
            '[' => class(after, &mut out),
            '*' if begins || (!extended && out == "^") => literal('*', after, &mut out),
            '^' if !extended && !begins => literal('^', after, &mut out),
            '$' if !extended && !ends(after) => literal('$', after, &mut out),
            '{' if extended && !after.starts_with(|next: char| next.is_ascii_digit() || next == ',') => {
                literal('{', after, &mut out)
            }
            '(' | ')' | '{' | '}' | '+' | '?' | '|' if !extended => literal(letter, after, &mut out),
            '(' | ')' | '{' | '}' | '+' | '?' | '|' | '*' | '^' | '$' | '.' => {
                out.push(letter);
                after
            }
            _ => literal(letter, after, &mut out),
        };
    }
    out
}

/// Whether a basic expression, or an alternative in it, ends here.
fn ends(rest: &str) -> bool {
    rest.is_empty() || rest.starts_with("\\)") || rest.starts_with("\\|")
}

fn literal<'a>(letter: char, after: &'a str, out: &mut String) -> &'a str {
    out.push_str(&regex::escape(letter.encode_utf8(&mut [0; 4])));
    after
}

/// What follows a backslash.
fn escaped<'a>(text: &'a str, extended: bool, out: &mut String) -> &'a str {
    let Some(letter) = text.chars().next() else {
        out.push_str("\\\\");
        return text;
    };
    let after = &text[letter.len_utf8()..];
    match letter {
        '(' | ')' | '{' | '}' | '+' | '?' | '|' if !extended => out.push(letter),
        'd' | 'D' | 's' | 'S' | 'w' | 'W' | 'b' | 'B' | 'n' | 't' => out.extend(['\\', letter]),
        '<' => out.push_str("\\b{start}"),
        '>' => out.push_str("\\b{end}"),
        _ => return literal(letter, after, out),
    }
    after
}

/// `[a-z]`, of which the bracket has been read: a backslash stands for itself in it, and so does a first `]`.
fn class<'a>(text: &'a str, out: &mut String) -> &'a str {
    let body = text.strip_prefix('^').unwrap_or(text);
    let mut inner = String::from(if body.len() < text.len() { "[^" } else { "[" });
    let mut rest = body;
    loop {
        if let Some(named) = rest.strip_prefix("[:")
            && let Some((name, after)) = named.split_once(":]")
        {
            inner.push_str(&format!("[:{name}:]"));
            rest = after;
            continue;
        }
        let Some(letter) = rest.chars().next() else { return literal('[', text, out) };
        let after = &rest[letter.len_utf8()..];
        match letter {
            ']' if rest.len() < body.len() => {
                inner.push(']');
                out.push_str(&inner);
                return after;
            }
            '-' if rest.len() < body.len() && !after.starts_with(']') => inner.push('-'),
            _ => drop(literal(letter, after, &mut inner)),
        }
        rest = after;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn they_are_read_as_grep_and_sed_read_them() {
        for (pattern, extended, text, found) in [
            ("b+", true, "abbc", Some((1, 3))),
            ("b\\+", false, "abbc", Some((1, 3))),
            ("b+", false, "abbc", None),
            ("^a.*c$", false, "abbc", Some((0, 4))),
            ("a^b$c", false, "xa^b$c", Some((1, 6))),
            ("*a", false, "b*a", Some((1, 3))),
            ("error|warn", true, "a warning", Some((2, 6))),
            ("(ab){2}", true, "xababab", Some((1, 5))),
            ("\\(ab\\)\\{2\\}", false, "xababab", Some((1, 5))),
            ("{a}", true, "x{a}", Some((1, 4))),
            ("[[:digit:]]*x", false, "a12x", Some((1, 4))),
            ("[]a-c-]*", false, "]b-d", Some((0, 3))),
            ("[^]]", false, "]x", Some((1, 2))),
            ("[\\.]", false, "a\\", Some((1, 2))),
            ("\\<b", false, "ab b", Some((3, 4))),
            ("(a", true, "(a", Some((0, 2))),
        ] {
            let read = expression(pattern, extended, false).expect("it is not long");
            let range = read.find(text).map(|found| (found.start(), found.end()));
            assert_eq!(range, found, "{pattern}");
        }
        assert!(expression("ERROR", false, true).is_some_and(|read| read.is_match("an error")));
    }
}
