//! Into a node from a terminal or a script: what `kubedrill ssh` and the `ssh` of the learner's shell have in common.
//! How one gets in is the cluster layer's.

use std::io::IsTerminal;
use std::path::{Path, PathBuf};

use super::open::{Which, strange};
use crate::app::control::{self, Ask, Say};
use crate::app::error::{AppError, Kind};
use crate::app::own;
use crate::cluster::entry::{self, ClientError, NODES, Visit};

/// Whether a terminal is wanted for a command: ssh's `-t`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Terminal {
    /// For a shell, not for a command.
    #[default]
    Usual,
    /// `-T`
    Never,
    /// `-t`: where there is one here.
    Wanted,
    /// `-tt`
    Forced,
}

impl Terminal {
    fn given(self, command: Option<&String>) -> bool {
        let here = std::io::stdin().is_terminal();
        match self {
            Self::Usual => here && command.is_none(),
            Self::Never => false,
            Self::Wanted => here,
            Self::Forced => true,
        }
    }
}

/// The socket of this shell's cluster, of the open task's, or of the one that is up; where several could be meant, `of` names a scenario or a cluster.
pub async fn socket(of: Option<&str>) -> Result<PathBuf, AppError> {
    if let (None, Some(socket)) = (of, std::env::var_os(NODES)) {
        return Ok(socket.into());
    }
    let up = own::up()?;
    let cluster = match of {
        Some(name) => up.iter().find(|up| *up == name),
        None => up.first().filter(|_| up.len() == 1),
    };
    let said = match (Which::named(of).dir(), cluster) {
        (Ok(task), _) => control::ask(&task, Ask::Status, |_| {}).await?,
        (Err(_), Some(cluster)) => own::ask(cluster, Ask::Status).await?,
        (Err(_), None) => return Err(no_cluster(&up)),
    };
    let Say::Status(status) = said else { return Err(strange()) };
    status.nodes.ok_or_else(|| {
        AppError::new(Kind::Usage, "there is no node to enter", format!("{} is not simulated", status.cluster))
            .hint("kubectl debug node/NODE opens a shell on a node of such a cluster")
    })
}

fn no_cluster(up: &[String]) -> AppError {
    if up.len() > 1 {
        let why = format!("several clusters are up: {}", up.join(", "));
        return AppError::new(Kind::Usage, "it is not clear whose node is meant", why).hint("--of NAME names one");
    }
    AppError::new(Kind::Usage, "there is no node to enter", "no task is open, or several are, and no cluster is up")
        .hint("kubedrill start SCENARIO --headless opens a task, kubedrill cluster up --detach a cluster; --of NAME names one")
}

/// Goes in: this process becomes what runs there. It returns only where that fails.
pub async fn enter(socket: &Path, node: &str, command: Option<String>, terminal: Terminal) -> AppError {
    let entrance = match entry::entrance(socket, node).await {
        Ok(entrance) => entrance,
        Err(error) => return refused(node, &error),
    };
    let terminal = terminal.given(command.as_ref());
    let visit = Visit { entrance, socket: socket.to_owned(), command, terminal };
    refused(node, &ClientError::Refused(entry::enter(&visit).to_string()))
}

/// What is told when nobody gets in.
fn refused(node: &str, error: &ClientError) -> AppError {
    AppError::new(Kind::Environment, format!("{node} cannot be entered"), error)
        .hint("kubectl get nodes shows which there are; kubedrill doctor tells how nodes are entered here")
}
