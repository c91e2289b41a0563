//! Answers for the task that is open in this process: to commands typed in the learner's shell, and to those of a script.
//! The socket stands in `control`.

use std::sync::Arc;

use futures::FutureExt;
use futures::future::BoxFuture;
use tokio::sync::mpsc::UnboundedSender;

use super::control::{Ask, Host, Say, Status};
use super::driver::{Driver, Nobody, Witness};
use super::error::{AppError, Kind};
use super::solution;
use crate::exam::event::Command;
use crate::grading::report::Outcome;

/// What commands do to a task that a screen shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Heard {
    /// Hint `number`, counted from 1, was taken.
    Hint { number: u32, of: u32, text: String },
    /// The task, counted from 0, was laid anew.
    Reset { task: usize },
}

/// Hosts the open task of a session.
pub struct TaskHost {
    pub driver: Arc<Driver>,
    /// The screen that shows the session, which then is ended there.
    pub screen: Option<UnboundedSender<Heard>>,
}

struct Settling(UnboundedSender<Say>);

impl Witness for Settling {
    fn settled(&self, _task: usize, check: usize, outcome: &Outcome) {
        let _ = self.0.send(Say::Settled { check, name: outcome.name.clone(), verdict: outcome.verdict.clone() });
    }
}

impl Host for TaskHost {
    fn answer(&self, ask: Ask, say: UnboundedSender<Say>) -> BoxFuture<'_, ()> {
        async move {
            let answer = self.answered(ask, &say).await.unwrap_or_else(Say::Failed);
            let _ = say.send(answer);
        }
        .boxed()
    }

    /// A task that was stopped is over, also where its cluster could not be asked to give back what was laid there.
    fn over(&self) -> bool {
        self.driver.see(|session| session.finished())
    }
}

impl TaskHost {
    /// Tells the screen, where there is one.
    fn tell_screen(&self, heard: Heard) {
        if let Some(screen) = &self.screen {
            let _ = screen.send(heard);
        }
    }

    fn task(&self) -> Result<usize, AppError> {
        self.driver.see(|session| session.open_task()).ok_or_else(|| {
            AppError::new(Kind::Usage, "no task is open", "the exam shows its list of tasks")
                .hint("open one on the screen")
        })
    }

    async fn answered(&self, ask: Ask, say: &UnboundedSender<Say>) -> Result<Say, AppError> {
        let driver = &self.driver;
        let task = match ask {
            Ask::Stop => 0,
            _ => self.task()?,
        };
        match ask {
            Ask::Status => Ok(Say::Status(Box::new(self.status(task).await?))),
            Ask::Grade => {
                driver.grade_now(task, &Settling(say.clone())).await?;
                let report = driver.see(|session| session.tasks()[task].report.clone());
                let report = report
                    .ok_or_else(|| AppError::new(Kind::Environment, "there is no report", "grading was cut short"))?;
                let variant = driver.variant(task)?;
                let explain =
                    if report.full_marks() { variant.explain.clone().unwrap_or_default() } else { String::new() };
                Ok(Say::Graded { report: Box::new(report), explain, docs: variant.docs.clone() })
            }
            Ask::Hint => {
                driver.run(Command::Hint(task), &Nobody).await?;
                let number = driver.see(|session| session.tasks()[task].hints);
                let hints = &driver.variant(task)?.hints;
                let text = hints.get(number.saturating_sub(1) as usize).cloned().unwrap_or_default();
                let of = u32::try_from(hints.len()).unwrap_or(u32::MAX);
                self.tell_screen(Heard::Hint { number, of, text: text.clone() });
                Ok(Say::Hint { number, of, text })
            }
            Ask::Solve { apply } => {
                driver.run(Command::Solve(task), &Nobody).await?;
                let variant = driver.variant(task)?;
                if let (true, Some(first)) = (apply, variant.solutions.first()) {
                    let fresh = "a solution fits the task as it was at its start: kubedrill reset, then try again";
                    driver.answer(task, &first.steps).await.map_err(|error| error.hint(fresh))?;
                }
                Ok(Say::Solution { text: solution::markdown(variant) })
            }
            Ask::Reset => {
                driver.run(Command::Reset(task), &Nobody).await?;
                self.tell_screen(Heard::Reset { task });
                Ok(Say::Done)
            }
            Ask::Stop if self.screen.is_some() => {
                Err(AppError::new(Kind::Usage, "it is not stopped", "the task is open on a screen")
                    .hint("leave it there with F10, or with Ctrl-G and then q"))
            }
            Ask::Stop => driver.run(Command::Stop, &Nobody).await.map(|()| Say::Done),
        }
    }

    /// What runs here.
    pub async fn status(&self, task: usize) -> Result<Status, AppError> {
        let variant = self.driver.variant(task)?;
        let kubeconfig = self.driver.kubeconfig(task).await?;
        Ok(Status {
            name: variant.id(),
            title: variant.title.clone(),
            seed: Some(variant.seed),
            cluster: self.driver.origin.to_string(),
            server: super::machine::server_of(&kubeconfig),
            kubeconfig,
            nodes: self.driver.way_in(task).await?,
            work: Some(self.driver.work(task).await?),
            task: variant.task.clone(),
            pid: std::process::id(),
        })
    }
}
