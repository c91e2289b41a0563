//! Lint: everything that is wrong with a pack or a scenario, at once, with places.

pub mod inspect;
