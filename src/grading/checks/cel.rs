//! `cel`: an expression over some objects is true.
//! The language is `expr`'s.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::cluster::AskError;
use crate::expr::Program;
use crate::grading::report::{Finding, Verdict};
use crate::grading::view::{View, selection};
use crate::scenario::check::Cel;
use crate::scenario::query::Which;

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
    Ok(match program.is_true(&variables) {
        Ok(true) => Verdict::Pass,
        Ok(false) => told(check.message.clone().unwrap_or_else(|| format!("not true: {}", check.expr))),
        // A field that is not there yet is the usual reason, and the learner's to mend.
        Err(error) => {
            told(check.message.clone().unwrap_or_else(|| format!("cannot tell whether {}: {error}", check.expr)))
        }
    })
}
