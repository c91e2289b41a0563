//! Exams that were sat to their end, read from their journals.
//! The attempts at their tasks stand in the history too.

use jiff::Timestamp;

use super::home::Home;
use crate::exam::plan::Kind;
use crate::exam::results::Results;
use crate::exam::session::{End, Stage};

/// An exam that is over.
#[derive(Clone, Debug)]
pub struct Sitting {
    /// `pack/name` of its blueprint.
    pub exam: String,
    pub started: Timestamp,
    pub ended: Timestamp,
    pub results: Results,
}

impl Home {
    /// Every exam that was sat to its end, newest first.
    pub fn sittings(&self) -> Vec<Sitting> {
        let sitting = |found: super::sessions::Found| {
            let session = &found.session;
            let Kind::Exam { exam, .. } = &session.plan().kind else { return None };
            let Stage::Over(end, ended) = session.stage() else { return None };
            let counts = session.finished() && end != End::Stopped;
            counts.then(|| Sitting {
                exam: format!("{}/{exam}", session.plan().pack),
                started: session.started(),
                ended,
                results: session.results(ended),
            })
        };
        self.found().into_iter().filter_map(sitting).collect()
    }

    /// What an exam is called, by `pack/name`; its name when the pack is gone.
    pub fn exam_title(&self, id: &str) -> String {
        self.catalogue.exam(Some(id)).map_or_else(|_| id.to_owned(), |(_, exam)| exam.title.clone())
    }
}
