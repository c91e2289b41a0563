//! Versions of Debian packages, in their order.
//! Source: deb-version(7); dpkg's `lib/dpkg/version.c`.

use std::cmp::Ordering;

/// A letter's weight: `~` before the end, the end before letters, letters before other signs.
fn weight(letter: Option<char>) -> i64 {
    match letter {
        Some('~') => -1,
        None => 0,
        Some(letter) if letter.is_ascii_digit() => 0,
        Some(letter) if letter.is_ascii_alphabetic() => i64::from(u32::from(letter)),
        Some(letter) => i64::from(u32::from(letter)) + 256,
    }
}

/// Takes off what stands before the first sign for which `belongs` does not hold.
fn head<'a>(text: &mut &'a str, belongs: fn(char) -> bool) -> &'a str {
    let (head, rest) = text.split_at(text.find(|letter| !belongs(letter)).unwrap_or(text.len()));
    *text = rest;
    head
}

fn part(mut left: &str, mut right: &str) -> Ordering {
    while !left.is_empty() || !right.is_empty() {
        let (mut one, mut other) = (
            head(&mut left, |letter| !letter.is_ascii_digit()).chars(),
            head(&mut right, |letter| !letter.is_ascii_digit()).chars(),
        );
        loop {
            let (one, other) = (one.next(), other.next());
            match weight(one).cmp(&weight(other)) {
                Ordering::Equal if one.is_none() && other.is_none() => break,
                Ordering::Equal => {}
                unequal => return unequal,
            }
        }
        let (one, other) =
            (head(&mut left, |letter| letter.is_ascii_digit()), head(&mut right, |letter| letter.is_ascii_digit()));
        let number = |digits: &str| digits.parse::<u64>().unwrap_or_default();
        match number(one).cmp(&number(other)) {
            Ordering::Equal => {}
            unequal => return unequal,
        }
    }
    Ordering::Equal
}

/// Epoch, upstream version and revision.
fn parts(version: &str) -> (u64, &str, &str) {
    let (epoch, rest) =
        version.split_once(':').map_or((0, version), |(epoch, rest)| (epoch.parse().unwrap_or_default(), rest));
    let (upstream, revision) = rest.rsplit_once('-').unwrap_or((rest, ""));
    (epoch, upstream, revision)
}

/// Which of two versions is the newer one.
pub fn compare(left: &str, right: &str) -> Ordering {
    let (one, other) = (parts(left), parts(right));
    one.0.cmp(&other.0).then_with(|| part(one.1, other.1)).then_with(|| part(one.2, other.2))
}

/// Whether a version is the one asked for: the same, or one that the pattern (`1.35.4-*`) fits.
pub fn fits(pattern: &str, version: &str) -> bool {
    let Some((first, rest)) = pattern.split_once('*') else { return pattern == version };
    let Some(after) = version.strip_prefix(first) else { return false };
    rest.is_empty() || after.char_indices().any(|(at, _)| fits(rest, &after[at..])) || fits(rest, "")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_in_dpkgs_order() {
        for (older, newer) in [
            ("1.35.4-1.1", "1.35.10-1.1"),
            ("1.35.4-1.1", "1.36.0-1.1"),
            ("1.35.0~rc.1-1.1", "1.35.0-1.1"),
            ("9.1-1", "2:1.0-1"),
            ("1.0-1", "1.0-1ubuntu1"),
            ("1.0", "1.0-1"),
        ] {
            assert_eq!(compare(older, newer), Ordering::Less, "{older} < {newer}");
            assert_eq!(compare(newer, older), Ordering::Greater, "{newer} > {older}");
        }
        assert_eq!(compare("1.35.4-1.1", "1.35.4-1.1"), Ordering::Equal);
        assert!(fits("1.35.4-*", "1.35.4-1.1") && fits("1.35.4-1.1", "1.35.4-1.1") && fits("1.*.1", "1.35.4-1.1"));
        assert!(!fits("1.35.4-*", "1.35.40-1.1") && !fits("1.35.4", "1.35.4-1.1"));
    }
}
