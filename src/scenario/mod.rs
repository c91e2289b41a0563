//! Packs: model, loading, variants, lint; data only.
//! Laying a scenario on a cluster is the lab's, judging it is grading's.
