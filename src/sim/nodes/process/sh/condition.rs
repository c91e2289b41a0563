//! `[[ … ]]`: what is so and what is not, with patterns and without splitting.
//! Source: bash's manual, "Conditional Constructs".

use futures::future::BoxFuture;

use super::run::{Shell, Stop};
use super::test::test;
use super::tree::Condition;
use crate::sim::nodes::process::expression::expression;
use crate::sim::nodes::process::pattern;

impl Shell {
    /// Whether it is so.
    pub fn holds<'a>(&'a mut self, condition: &'a Condition) -> BoxFuture<'a, Result<bool, Stop>> {
        Box::pin(async move {
            Ok(match condition {
                Condition::And(left, right) => self.holds(left).await? && self.holds(right).await?,
                Condition::Or(left, right) => self.holds(left).await? || self.holds(right).await?,
                Condition::Not(inner) => !self.holds(inner).await?,
                Condition::One(sign, word) => {
                    let text = self.text(word).await?;
                    match sign.as_str() {
                        "-v" => self.parameter(&text).is_some() || self.arrays.contains_key(&text),
                        sign => self.tested(&[sign, &text]).await,
                    }
                }
                Condition::Two(left, sign, right) => {
                    let text = self.text(left).await?;
                    match sign.as_str() {
                        "==" | "=" => pattern::matches(&self.pattern(right).await?, &text),
                        "!=" => !pattern::matches(&self.pattern(right).await?, &text),
                        "=~" => {
                            let read = expression(&self.text(right).await?, true, false);
                            read.is_some_and(|read| read.is_match(&text))
                        }
                        "<" => text < self.text(right).await?,
                        ">" => text > self.text(right).await?,
                        "-eq" | "-ne" | "-lt" | "-le" | "-gt" | "-ge" => {
                            let (left, right) = (self.sum(left).await?, self.sum(right).await?);
                            self.tested(&[&left.to_string(), sign, &right.to_string()]).await
                        }
                        sign => {
                            let other = self.text(right).await?;
                            self.tested(&[&text, sign, &other]).await
                        }
                    }
                }
            })
        })
    }

    async fn tested(&mut self, words: &[&str]) -> bool {
        match test(&self.program, words) {
            Ok(so) => so,
            Err(why) => {
                self.complain(&why, 2).await;
                false
            }
        }
    }
}
