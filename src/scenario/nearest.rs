//! "Did you mean": the candidate that looks most like what was typed.
//! Used by everything that looks a name up in a pack or in the catalogue.

/// The candidate nearest to `typed`, or `None` when nothing is near enough to be a slip of the fingers.
pub fn nearest<'a>(typed: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let reach = (typed.chars().count() / 3).max(1);
    let typed_low = typed.to_lowercase();
    candidates
        .into_iter()
        .map(|candidate| (distance(&typed_low, &candidate.to_lowercase()), candidate))
        .filter(|(far, _)| *far <= reach)
        .min_by_key(|(far, _)| *far)
        .map(|(_, candidate)| candidate)
}

/// How many letters must be changed, added, dropped or swapped with their neighbour to get from one word to the other.
fn distance(from: &str, to: &str) -> usize {
    let (from, to): (Vec<char>, Vec<char>) = (from.chars().collect(), to.chars().collect());
    let mut before = vec![0; to.len() + 1];
    let mut last: Vec<usize> = (0..=to.len()).collect();
    for (row, letter) in from.iter().enumerate() {
        let mut next = vec![row + 1];
        for (column, other) in to.iter().enumerate() {
            let change = last[column] + usize::from(letter != other);
            let mut least = change.min(last[column + 1] + 1).min(next[column] + 1);
            if row > 0 && column > 0 && *letter == to[column - 1] && from[row - 1] == *other {
                least = least.min(before[column - 1] + 1);
            }
            next.push(least);
        }
        before = std::mem::replace(&mut last, next);
    }
    last[to.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slips_are_mended_and_other_words_are_not() {
        let fields = ["name", "points", "guard", "after"];
        assert_eq!(nearest("nmae", fields), Some("name"));
        assert_eq!(nearest("point", fields), Some("points"));
        assert_eq!(nearest("Guard", fields), Some("guard"));
        assert_eq!(nearest("replicas", fields), None);
    }
}
