//! One file a kind of check: what is looked at, and what is found.
//! The forms of the checks are the scenario's; points are the report's.

mod absent;
mod access;
mod answer_file;
mod cel;
mod certificate;
mod connect;
mod count;
mod etcd_snapshot;
mod event;
mod node_command;
mod node_file;
mod node_package;
mod node_service;
mod object;
mod refuse;

use super::report::{Finding, Verdict};
use super::view::View;
use crate::cluster::AskError;
use crate::scenario::check::CheckKind;

/// Looks at one check; what the cluster could not be asked is broken.
pub async fn look(kind: &CheckKind, view: &View) -> Verdict {
    let verdict = match kind {
        CheckKind::Object(check) => object::look(check, view).await,
        CheckKind::Absent(check) => absent::look(check, view).await,
        CheckKind::Count(check) => count::look(check, view).await,
        CheckKind::Cel(check) => cel::look(check, view).await,
        CheckKind::Can(check) => access::can(check, view).await,
        CheckKind::Cannot(check) => access::cannot(check, view).await,
        CheckKind::Event(check) => event::look(check, view).await,
        CheckKind::Connect(check) => connect::look(check, view).await,
        CheckKind::Refuse(check) => refuse::look(check, view).await,
        CheckKind::AnswerFile(check) => answer_file::look(check, view),
        CheckKind::NodeFile(check) => node_file::look(check, view).await,
        CheckKind::NodeService(check) => node_service::look(check, view).await,
        CheckKind::NodeCommand(check) => node_command::look(check, view).await,
        CheckKind::NodePackage(check) => node_package::look(check, view).await,
        CheckKind::Certificate(check) => certificate::look(check, view).await,
        CheckKind::EtcdSnapshot(check) => etcd_snapshot::look(check, view).await,
    };
    verdict.unwrap_or_else(|error| match error {
        AskError::Unreadable(why) => Verdict::fail(Finding::told(why)),
        error => Verdict::broken(error.to_string()),
    })
}
