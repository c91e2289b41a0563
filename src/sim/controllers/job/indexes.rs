//! Sets of completion indexes as an Indexed Job's status writes them: `0,2-5,7`.
//! Source: `pkg/controller/job/indexed_job_utils.go`.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::object::meta;

/// Where a Pod says its index, as annotation and as label.
pub const INDEX: &str = "batch.kubernetes.io/job-completion-index";

/// Indexes, in order.
pub type Indexes = BTreeSet<i64>;

/// The indexes in a text; those from `completions` on do not count.
pub fn parse(text: &str, completions: i64) -> Indexes {
    let mut indexes = Indexes::new();
    for part in text.split(',').filter(|part| !part.is_empty()) {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        if let (Ok(first), Ok(last)) = (first.parse::<i64>(), last.parse::<i64>()) {
            indexes.extend(first..=last.min(completions - 1));
        }
    }
    indexes
}

/// The text of a set: runs of three or more with a dash.
pub fn text(indexes: &Indexes) -> String {
    let mut runs: Vec<(i64, i64)> = Vec::new();
    for index in indexes {
        match runs.last_mut() {
            Some((_, last)) if *last + 1 == *index => *last = *index,
            _ => runs.push((*index, *index)),
        }
    }
    let part = |(first, last): &(i64, i64)| match last - first {
        0 => first.to_string(),
        1 => format!("{first},{last}"),
        _ => format!("{first}-{last}"),
    };
    runs.iter().map(part).collect::<Vec<_>>().join(",")
}

/// A Pod's index, when it has one below `completions`.
pub fn of(pod: &Value, completions: i64) -> Option<i64> {
    let index: i64 = meta::annotation(pod, INDEX)?.parse().ok()?;
    (0..completions).contains(&index).then_some(index)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_come_back_as_they_were() {
        for kept in ["", "3", "0,1", "0-2", "0,2-5,7,9,10"] {
            assert_eq!(text(&parse(kept, 20)), kept);
        }
        assert_eq!(text(&parse("1-5,9", 4)), "1-3");
    }
}
