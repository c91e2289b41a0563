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
        let (what, hint) = match error {
            NotFound::Ambiguous { .. } => ("it is not clear which scenario is meant", "name it as PACK/SCENARIO"),
            NotFound::Exam { .. } => ("there is no such exam", "kubedrill exam --list shows the exams"),
            NotFound::Scenario { .. } => ("nothing of that name", "kubedrill list shows what there is to practise"),
        };
        Self::new(Kind::Usage, what, error).hint(hint)
    }
}

impl From<ClusterError> for AppError {
    fn from(error: ClusterError) -> Self {
        let kind = if matches!(error, ClusterError::UnknownOrigin(_)) { Kind::Usage } else { Kind::Environment };
        let (what, hint) = match error {
            ClusterError::UnknownOrigin(_) => {
                ("--cluster is not understood", "leave --cluster out for the embedded cluster")
            }
            ClusterError::Unreachable(_) => (
                "the cluster does not answer",
                "kubectl --context NAME get nodes tries the same; leave --cluster out for the embedded cluster",
            ),
            ClusterError::Refused(_) => ("the cluster cannot be used", "leave --cluster out for the embedded cluster"),
            _ => ("the cluster cannot be used", "kubedrill doctor tells what this machine can do"),
        };
        Self::new(kind, what, error).hint(hint)
    }
}

impl From<LabError> for AppError {
    fn from(error: LabError) -> Self {
        match error {
            LabError::Cluster(error) => error.into(),
            LabError::Run { .. } => Self::new(Kind::Pack, "a command of the pack failed", error),
            LabError::Node(_) => Self::new(Kind::Pack, "a step of the pack does not fit the node", error),
            LabError::Foreign(_) => Self::new(Kind::Environment, "the task cannot be laid on this cluster", error)
                .hint("delete it if it is yours, or leave --cluster out for the embedded cluster"),
            other => Self::new(Kind::Environment, "a step on the cluster failed", other)
                .hint("kubedrill doctor tells what this machine can do"),
        }
    }
}
