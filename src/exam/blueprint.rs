//! What an exam is drawn from: the blueprint and the candidates, as plain data.
//! A pack's own files stand in `scenario`; the app makes these out of them.

use serde::{Deserialize, Serialize};

/// How an exam is put together.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Blueprint {
    pub name: String,
    /// How long the exam takes.
    pub minutes: u32,
    /// Per cent needed to pass.
    pub pass: u32,
    /// How many tasks are drawn.
    pub tasks: usize,
    /// What each domain weighs; the numbers are shares of their sum.
    pub weights: Vec<Weight>,
}

/// One domain's share of an exam.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Weight {
    pub domain: String,
    pub weight: u32,
}

/// A scenario as drawing sees it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Candidate {
    pub id: String,
    pub title: String,
    pub domain: String,
    pub topics: Vec<String>,
    /// How long a learner should need.
    pub minutes: u32,
    /// Points its checks sum up to.
    pub points: u32,
    /// How many hints it has.
    pub hints: u32,
    /// Capabilities a cluster must have for it.
    pub requires: Vec<String>,
}

/// Splits `total` over `weights` in whole numbers that sum up to it, each as near to its share as can be (largest remainder; the first
/// of equals). All zero when the weights are.
pub fn apportion(total: u32, weights: &[u32]) -> Vec<u32> {
    let sum: u64 = weights.iter().map(|weight| u64::from(*weight)).sum();
    if sum == 0 {
        return vec![0; weights.len()];
    }
    let share = |weight: u32| u64::from(total) * u64::from(weight);
    let mut parts: Vec<_> = weights.iter().map(|weight| (share(*weight) / sum) as u32).collect();
    let mut order: Vec<_> = (0..weights.len()).collect();
    order.sort_by_key(|index| std::cmp::Reverse(share(weights[*index]) % sum));
    let left = total - parts.iter().sum::<u32>();
    for index in order.into_iter().take(left as usize) {
        parts[index] += 1;
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_sum_up() {
        assert_eq!(apportion(17, &[30, 25, 20, 15, 10]), [5, 4, 3, 3, 2]);
        assert_eq!(apportion(100, &[1, 1, 1]), [34, 33, 33]);
        assert_eq!(apportion(2, &[1, 1, 1]), [1, 1, 0]);
        assert_eq!(apportion(5, &[0, 0]), [0, 0]);
        assert!(apportion(5, &[]).is_empty());
    }
}
