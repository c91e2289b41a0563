//! Seeds: the one source of chance, so that the same seed gives the same task, names and exam.
//! What is drawn with it stands with those who draw.

use rand::SeedableRng;
use rand::rngs::ChaCha8Rng;
use sha2::{Digest, Sha256};

/// A number from which everything random of a task follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(transparent)]
pub struct Seed(pub u64);

impl Seed {
    /// A seed nobody chose, small enough to be told to a friend.
    pub fn random() -> Self {
        Self(rand::random_range(1..1_000_000))
    }

    /// The generator this seed stands for; its stream is the same on every machine and release.
    pub fn rng(self) -> ChaCha8Rng {
        ChaCha8Rng::seed_from_u64(self.0)
    }

    /// The seed of a part of what this seed stands for, such as one task of an exam.
    pub fn derive(self, part: &str) -> Self {
        let digest = Sha256::new().chain_update(self.0.to_be_bytes()).chain_update(part).finalize();
        let mut first = [0; 8];
        first.copy_from_slice(&digest[..8]);
        Self(u64::from_be_bytes(first))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_have_seeds_of_their_own_that_stay() {
        let exam = Seed(7);
        assert_eq!(exam.derive("1"), Seed(7).derive("1"));
        assert_ne!(exam.derive("1"), exam.derive("2"));
    }
}
