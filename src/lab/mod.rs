//! Lays a scenario on a cluster, resets, solves, cleans up.
//! Judging what the learner did is grading's.
