//! Commands made of commands: groups, conditions, loops, choices.
//! What runs in the end is `run.rs`.

use super::run::{Flow, Shell, Stop};
use super::tree::{Arm, Kind, List, Then, Word};
use crate::sim::nodes::process::pattern;

impl Shell {
    /// Runs one.
    pub async fn compound(&mut self, kind: &Kind) -> Flow {
        match kind {
            Kind::Simple(_) => Ok(0),
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
            Kind::For { name, words, body } => self.each(name, words.as_deref(), body).await,
            Kind::Count { first, condition, step, body } => self.count([first, condition, step], body).await,
            Kind::Case { word, arms } => self.case(word, arms).await,
            Kind::Sum(sum) => Ok(i32::from(self.sum(sum).await? == 0)),
            Kind::Test(condition) => Ok(i32::from(!self.holds(condition).await?)),
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

    async fn each(&mut self, name: &str, words: Option<&[Word]>, body: &List) -> Flow {
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

    async fn count(&mut self, [first, condition, step]: [&Word; 3], body: &List) -> Flow {
        let is_endless = self.text(condition).await?.trim().is_empty();
        self.sum(first).await?;
        let mut code = 0;
        while is_endless || self.sum(condition).await? != 0 {
            self.program.engine().step(&self.program.group).await;
            match turn(self.list(body).await)? {
                Turn::Next(done) => code = done,
                Turn::Enough => break,
            }
            self.sum(step).await?;
        }
        Ok(code)
    }

    async fn case(&mut self, word: &Word, arms: &[Arm]) -> Flow {
        let text = self.text(word).await?;
        let (mut falls, mut code) = (false, 0);
        for arm in arms {
            let mut fits = falls;
            for word in &arm.patterns {
                fits = fits || pattern::matches(&self.pattern(word).await?, &text);
            }
            if fits {
                code = self.body(&arm.body).await?;
                if arm.then == Then::Leave {
                    break;
                }
            }
            falls = fits && arm.then == Then::Fall;
        }
        Ok(code)
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
