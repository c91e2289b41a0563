//! Looks at a cluster and says what holds, what does not, and why.
//! Nothing here changes the cluster.

mod checks;
mod grade;
pub mod report;
mod view;

pub use grade::{Grader, Patience, grade};
