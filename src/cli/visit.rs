//! Into a node from a terminal or a script: what `kubedrill ssh` and the `ssh` of the learner's shell have in common.
//! How one gets in is the cluster layer's.

use std::io::IsTerminal;

use super::open::{Which, strange};
use crate::app::control::{self, Ask, Say};
use crate::app::error::{AppError, Kind};
use crate::app::own;
use crate::cluster::Way;
use crate::cluster::entry::{self, Containers, NODES, Visit};

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

/// The way into this shell's cluster, the open task's, or the one that is up; where several could be meant, `of` names a scenario or a cluster.
pub async fn way(of: Option<&str>) -> Result<Way, AppError> {
    if let (None, Ok(way)) = (of, std::env::var(NODES)) {
        return Ok(way.into());
    }
    let up = own::up()?;
    let cluster = match of {
        Some(name) => up.iter().find(|up| *up == name),
        None => up.first().filter(|_| up.len() == 1),
    };
    let said = match (Which::named(of).dir(), cluster) {
        (Ok(task), _) => control::ask(&task, Ask::Status, |_| {}).await?,
        (Err(_), Some(cluster)) => own::ask(cluster, Ask::Status).await?,
        (Err(error), None) => return Err(no_cluster(of, &up, error)),
    };
    let Say::Status(status) = said else { return Err(strange()) };
    status.nodes.ok_or_else(|| {
        AppError::new(Kind::Usage, "there is no node to enter", format!("those of {} are not ours", status.cluster))
            .hint("kubectl debug node/NODE opens a shell on a node of such a cluster")
    })
}

fn no_cluster(of: Option<&str>, up: &[String], no_task: AppError) -> AppError {
    if let Some(name) = of {
        let why = format!("no task and no cluster called {name} is open");
        return AppError::new(Kind::Usage, "there is no node to enter", why)
            .hint("kubedrill cluster list shows the clusters");
    }
    if up.len() > 1 {
        let why = format!("several clusters are up: {}", up.join(", "));
        return AppError::new(Kind::Usage, "it is not clear whose node is meant", why).hint("--of NAME names one");
    }
    AppError::new(Kind::Usage, "there is no node to enter", format!("{}, and no cluster is up", no_task.why))
        .hint("kubedrill start SCENARIO --headless opens a task, kubedrill cluster up --detach a cluster; --of NAME names one")
}

/// Goes in: this process becomes what runs there. It returns only where that fails.
pub async fn enter(way: &Way, node: &str, command: Option<String>, terminal: Terminal) -> AppError {
    let terminal = terminal.given(command.as_ref());
    match way {
        Way::Socket(socket) => match entry::entrance(socket, node).await {
            Ok(entrance) => {
                let visit = Visit { entrance, socket: socket.to_owned(), command, terminal };
                refused(node, entry::enter(&visit))
            }
            Err(error) => refused(node, error),
        },
        Way::Kind(cluster) => match Containers::of(cluster).await {
            Ok(containers) => refused(node, containers.enter(node, command.as_deref(), terminal)),
            Err(error) => refused(node, error),
        },
    }
}

/// Whether a cluster has a node of this name.
pub async fn knows(way: &Way, node: &str) -> bool {
    match way {
        Way::Socket(socket) => entry::nodes(socket).await.is_ok_and(|nodes| nodes.iter().any(|known| known == node)),
        Way::Kind(cluster) => Containers::of(cluster).await.is_ok_and(|nodes| nodes.container(node).is_some()),
    }
}

/// What is told when nobody gets in.
fn refused(node: &str, error: impl std::fmt::Display) -> AppError {
    AppError::new(Kind::Environment, format!("{node} cannot be entered"), error)
        .hint("kubectl get nodes shows which there are; kubedrill doctor tells how nodes are entered here")
}
