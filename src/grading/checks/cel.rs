//! `cel`: an expression over some objects is true.
//! The language is `expr`'s.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::Value;
use tokio::sync::oneshot;

use crate::cluster::AskError;
use crate::expr::{ExprError, Program};
use crate::grading::report::{Finding, Verdict};
use crate::grading::view::{View, selection};
use crate::scenario::check::Cel;
use crate::scenario::query::Which;

/// How long an expression may take: loops in loops over what a cluster holds may go on for days.
const PATIENCE: Duration = Duration::from_secs(5);

/// The verdict over a view. An error is what the cluster could not be asked.
pub async fn look(check: &Cel, view: &View) -> Result<Verdict, AskError> {
    let mut variables = BTreeMap::new();
    for (name, query) in &check.objects {
        let found = view.list(&selection(query)).await?;
        let value = match &query.which {
            Which::Labels(_) => Value::Array(found.to_vec()),
            Which::Name(wanted) => match found.first() {
                Some(object) => object.clone(),
                None => {
                    return Ok(Verdict::fail(Finding::told(format!("{} {wanted} is not there", query.kind))));
                }
            },
        };
        variables.insert(name.clone(), value);
    }
    let program = match Program::compile(&check.expr) {
        Ok(program) => program,
        Err(error) => return Ok(Verdict::broken(format!("the check's expression does not compile: {error}"))),
    };
    let told = |why: String| Verdict::fail(Finding::told(why));
    let Some(answer) = in_time(program, variables).await else {
        let why = format!("the check's expression did not come to an end within {} s", PATIENCE.as_secs());
        return Ok(Verdict::broken(why));
    };
    Ok(match answer {
        Ok(true) => Verdict::Pass,
        Ok(false) => told(check.message.clone().unwrap_or_else(|| format!("not true: {}", check.expr))),
        // A field that is not there yet is the usual reason, and the learner's to mend.
        Err(error) => {
            told(check.message.clone().unwrap_or_else(|| format!("cannot tell whether {}: {error}", check.expr)))
        }
    })
}

/// Whether an expression is true, unless it takes too long. Nothing can interrupt it: it has a thread of its own, which is left to itself
/// then and ends with the program.
async fn in_time(program: Program, variables: BTreeMap<String, Value>) -> Option<Result<bool, ExprError>> {
    let (tell, answer) = oneshot::channel();
    std::thread::Builder::new().name("cel".to_owned()).spawn(move || tell.send(program.is_true(&variables))).ok()?;
    tokio::time::timeout(PATIENCE, answer).await.ok()?.ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    // Its clock stands still, and goes to the end of the patience as soon as there is nothing else to do.
    #[tokio::test(start_paused = true)]
    async fn an_expression_that_takes_for_ever_is_given_up() {
        let many = serde_json::json!((0..1000).collect::<Vec<_>>());
        let program = Program::compile("many.all(a, many.all(b, b >= 0))").unwrap();
        assert_eq!(in_time(program, BTreeMap::from([("many".to_owned(), many)])).await, None);
    }
}
