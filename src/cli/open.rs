//! Finding the task that is open: the one of this shell, the only one, or the one that is named.
//! Talking to it stands in the app's `control`.

use std::path::PathBuf;

use clap::Args;

use crate::app::control::{self, Ask, Say};
use crate::app::error::{AppError, Kind};
use crate::app::home;
use crate::app::place::SESSION;
use crate::app::sessions;

/// Which of the open tasks.
#[derive(Debug, Args)]
pub struct Which {
    /// The open task's scenario, where several are open.
    scenario: Option<String>,
}

impl Which {
    /// The task of this scenario, or the only one.
    pub fn named(scenario: Option<&str>) -> Self {
        Self { scenario: scenario.map(str::to_owned) }
    }

    /// The folder of the session that is meant.
    pub fn dir(&self) -> Result<PathBuf, AppError> {
        if let (None, Some(dir)) = (&self.scenario, std::env::var_os(SESSION).map(PathBuf::from))
            && dir.is_dir()
        {
            return Ok(dir);
        }
        let all = sessions::found(&home::sessions(&home::dirs()?));
        let mut open: Vec<_> = all.into_iter().filter(|found| found.driven).collect();
        if let Some(name) = &self.scenario {
            let called = |id: &str| id == name || id.rsplit_once('/').is_some_and(|(_, last)| last == name);
            open.retain(|found| found.session.plan().tasks.iter().any(|task| called(&task.scenario)));
            if open.is_empty() {
                let why = format!("no task of the scenario {name} is open");
                return Err(AppError::new(Kind::Usage, "there is nothing open", why)
                    .hint(format!("kubedrill start {name} --headless opens one")));
            }
        }
        match open.as_slice() {
            [] => Err(nothing_open()),
            [only] => Ok(only.dir.clone()),
            [newest, ..] if self.scenario.is_some() => Ok(newest.dir.clone()),
            several => {
                let names: Vec<&str> = several
                    .iter()
                    .filter_map(|found| found.session.plan().tasks.first())
                    .map(|task| task.scenario.as_str())
                    .collect();
                Err(AppError::new(
                    Kind::Usage,
                    "it is not clear which task is meant",
                    format!("several are open: {}", names.join(", ")),
                )
                .hint("name the scenario after the command"))
            }
        }
    }

    /// Asks the task.
    pub async fn ask(&self, ask: Ask, settling: impl FnMut(Say)) -> Result<Say, AppError> {
        control::ask(&self.dir()?, ask, settling).await
    }
}

/// What is told when a host answers something else than it was asked.
pub fn strange() -> AppError {
    AppError::new(
        Kind::Environment,
        "the answer is not understood",
        "what runs in the background is of another version",
    )
    .hint("kubedrill stop ends a task, kubedrill cluster down a cluster")
}

/// What is told when a name is wanted and none is open.
fn nothing_open() -> AppError {
    AppError::new(Kind::Usage, "there is nothing open", "no task is open")
        .hint("kubedrill start SCENARIO --headless opens one; kubedrill list shows what there is")
}
