//! The shell's patterns (`*.log`); regular expressions are `expression`'s.
//! Who matches what with them is the shell's.

/// Whether a text as a whole fits a shell pattern.
pub fn matches(pattern: &str, text: &str) -> bool {
    let pattern: Vec<char> = pattern.chars().collect();
    let text: Vec<char> = text.chars().collect();
    fits(&pattern, &text)
}

fn fits(pattern: &[char], text: &[char]) -> bool {
    match pattern.first() {
        None => text.is_empty(),
        Some('*') => (0..=text.len()).any(|skip| fits(&pattern[1..], &text[skip..])),
        Some('?') => !text.is_empty() && fits(&pattern[1..], &text[1..]),
        Some('[') => match (class(pattern), text.first()) {
            (Some((set, rest)), Some(first)) => set.has(*first) && fits(rest, &text[1..]),
            (Some(_), None) => false,
            (None, _) => text.first() == Some(&'[') && fits(&pattern[1..], &text[1..]),
        },
        Some('\\') if pattern.len() > 1 => text.first() == Some(&pattern[1]) && fits(&pattern[2..], &text[1..]),
        Some(letter) => text.first() == Some(letter) && fits(&pattern[1..], &text[1..]),
    }
}

/// `[a-z]`: characters, or all but them.
#[derive(Clone, Debug)]
struct Class {
    ranges: Vec<(char, char)>,
    negated: bool,
}

impl Class {
    fn has(&self, letter: char) -> bool {
        self.ranges.iter().any(|(low, high)| (*low..=*high).contains(&letter)) != self.negated
    }
}

fn class(pattern: &[char]) -> Option<(Class, &[char])> {
    let mut rest = pattern.get(1..)?;
    let negated = matches!(rest.first(), Some('!' | '^'));
    if negated {
        rest = &rest[1..];
    }
    let mut ranges = Vec::new();
    let mut first = true;
    loop {
        match rest {
            [']', after @ ..] if !first => return Some((Class { ranges, negated }, after)),
            ['[', ':', ..] => {
                let end = rest.windows(2).position(|pair| pair == [':', ']'])?;
                let name: String = rest[2..end].iter().collect();
                ranges.extend_from_slice(named(&name));
                rest = &rest[end + 2..];
            }
            [low, '-', high, after @ ..] if *high != ']' => {
                ranges.push((*low, *high));
                rest = after;
            }
            [letter, after @ ..] => {
                ranges.push((*letter, *letter));
                rest = after;
            }
            [] => return None,
        }
        first = false;
    }
}

fn named(name: &str) -> &'static [(char, char)] {
    match name {
        "digit" => &[('0', '9')],
        "alpha" => &[('a', 'z'), ('A', 'Z')],
        "alnum" => &[('a', 'z'), ('A', 'Z'), ('0', '9')],
        "lower" => &[('a', 'z')],
        "upper" => &[('A', 'Z')],
        "space" => &[(' ', ' '), ('\t', '\r')],
        _ => &[],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shell_patterns() {
        for (pattern, text, fits) in [
            ("*.log", "a.log", true),
            ("*.log", "a.txt", false),
            ("[a-c]?", "bz", true),
            ("[!a]", "a", false),
            ("a*", "a", true),
        ] {
            assert_eq!(matches(pattern, text), fits, "{pattern} {text}");
        }
    }
}
