//! Errors as people meet them: what kind of thing happened, why, and what to do next.
//! Below this layer errors are typed; here they get their kind and their hint. Exit codes follow from the kind.

use crate::cluster::ClusterError;
use crate::lab::LabError;
use crate::scenario::catalogue::NotFound;
use crate::scenario::problem::PackError;

/// What is at fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Kind {
    /// The words on the command line.
    Usage,
    /// The machine, the cluster, `kubectl`, the disk.
    Environment,
    /// The pack.
    Pack,
}

impl Kind {
    /// The exit code of a command that ends so.
    pub fn exit_code(self) -> u8 {
        match self {
            Self::Usage => 2,
            Self::Environment => 3,
            Self::Pack => 4,
        }
    }
}

/// An error with its hint.
#[derive(Clone, Debug, PartialEq, thiserror::Error, serde::Serialize, serde::Deserialize)]
#[error("{what}: {why}")]
pub struct AppError {
    pub kind: Kind,
    /// What did not happen, such as `the task cannot be opened`.
    pub what: String,
    pub why: String,
    /// What to type or to do next; empty when nothing helps.
    pub hint: String,
}

impl AppError {
    /// An error of a kind.
    pub fn new(kind: Kind, what: impl Into<String>, why: impl ToString) -> Self {
        Self { kind, what: what.into(), why: why.to_string(), hint: String::new() }
    }

    /// With what to do next.
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = hint.into();
        self
    }
}

impl From<PackError> for AppError {
    fn from(error: PackError) -> Self {
        Self::new(Kind::Pack, "the pack cannot be used", error.render(false))
            .hint("kubedrill pack lint FOLDER shows everything at once")
    }
}

impl From<NotFound> for AppError {
    fn from(error: NotFound) -> Self {
        Self::new(Kind::Usage, "nothing of that name", error).hint("kubedrill list shows what there is to practise")
    }
}

impl From<ClusterError> for AppError {
    fn from(error: ClusterError) -> Self {
        let wrong_name = matches!(error, ClusterError::UnknownOrigin(_));
        let kind = if wrong_name { Kind::Usage } else { Kind::Environment };
        let hint = if wrong_name {
            "leave --cluster out for the embedded cluster"
        } else {
            "kubedrill doctor tells what this machine can do"
        };
        Self::new(kind, "there is no cluster", error).hint(hint)
    }
}

impl From<LabError> for AppError {
    fn from(error: LabError) -> Self {
        match error {
            LabError::Cluster(error) => error.into(),
            LabError::Run { .. } => Self::new(Kind::Pack, "an answer of the pack does not work", error),
            LabError::Node(_) => Self::new(Kind::Pack, "a step of the pack does not fit the node", error),
            LabError::Foreign(_) => Self::new(Kind::Environment, "the task cannot be laid on this cluster", error),
            other => Self::new(Kind::Environment, "the task cannot be laid on the cluster", other)
                .hint("kubedrill doctor tells what this machine can do"),
        }
    }
}
