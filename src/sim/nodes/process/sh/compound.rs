//! Commands made of commands: groups, conditions, loops, choices.
//! What runs in the end is `run.rs`.

use super::run::{Flow, Shell, Stop};
use super::tree::{Kind, List, Word};
use crate::sim::nodes::process::pattern;

impl Shell {
    /// Runs one.
    pub async fn compound(&mut self, kind: &Kind) -> Flow {
        match kind {
            Kind::Simple { .. } => Ok(0),
            Kind::Group(list) => self.list(list).await,
            Kind::Subshell(list) => {
                let mut shell = self.clone();
                shell.is_first = false;
                match shell.list(list).await {
                    Ok(code) | Err(Stop::Exit(code) | Stop::Return(code)) => Ok(code),
                    Err(stop) => Err(stop),
                }
            }
            Kind::If { arms, otherwise } => {
                for (condition, body) in arms {
                    if self.condition(condition).await? == 0 {
                        return self.body(body).await;
                    }
                }
                self.body(otherwise).await
            }
            Kind::Loop { until, condition, body } => {
                let mut code = 0;
                loop {
                    self.program.engine().step(&self.program.group).await;
                    let met = match self.condition(condition).await {
                        Err(Stop::Break(_)) => return Ok(code),
                        met => met? == 0,
                    };
                    if met == *until {
                        return Ok(code);
                    }
                    match turn(self.list(body).await)? {
                        Turn::Next(done) => code = done,
                        Turn::Enough => return Ok(code),
                    }
                }
            }
            Kind::For { name, words, body } => {
                let values = match words {
                    Some(words) => self.fields(words).await?,
                    None => self.positional.clone(),
                };
                let mut code = 0;
                for value in values {
                    self.assign(name, value);
                    match turn(self.list(body).await)? {
                        Turn::Next(done) => code = done,
                        Turn::Enough => break,
                    }
                }
                Ok(code)
            }
            Kind::Case { word, arms } => self.case(word, arms).await,
            Kind::Function { name, body } => {
                self.functions.insert(name.clone(), body.clone());
                Ok(0)
            }
        }
    }

    async fn condition(&mut self, list: &List) -> Flow {
        self.guarded += 1;
        let code = self.list(list).await;
        self.guarded -= 1;
        code
    }

    async fn body(&mut self, list: &List) -> Flow {
        self.last = 0;
        self.list(list).await
    }

    async fn case(&mut self, word: &Word, arms: &[(Vec<Word>, List)]) -> Flow {
        let text = self.text(word).await?;
        for (patterns, body) in arms {
            for word in patterns {
                if pattern::matches(&self.pattern(word).await?, &text) {
                    return self.body(body).await;
                }
            }
        }
        Ok(0)
    }
}

enum Turn {
    Next(i32),
    Enough,
}

/// What a loop makes of its body's end.
fn turn(flow: Flow) -> Result<Turn, Stop> {
    match flow {
        Ok(code) => Ok(Turn::Next(code)),
        Err(Stop::Continue(1)) => Ok(Turn::Next(0)),
        Err(Stop::Break(1)) => Ok(Turn::Enough),
        Err(Stop::Continue(levels)) => Err(Stop::Continue(levels - 1)),
        Err(Stop::Break(levels)) => Err(Stop::Break(levels - 1)),
        Err(stop) => Err(stop),
    }
}
