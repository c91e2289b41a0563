//! One compiled CEL expression, with Kubernetes' libraries at hand (quantity, ip, url, semver, sets, …).
//! It sees only the values given to `eval`, never a cluster.

use std::collections::{BTreeMap, BTreeSet};
use std::panic::AssertUnwindSafe;

use kube_cel::{KubeCelExt, cel};
use serde_json::Value;

use super::authorizer::{self, Asking};
use super::{names, optional, result, value};

/// A compiled expression; cheap to keep, evaluated as often as wanted.
#[derive(Debug)]
pub struct Program {
    text: String,
    compiled: cel::Program,
}

/// What can go wrong with an expression.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ExprError {
    /// The text is not CEL. Line and column count from 1.
    #[error("the expression does not parse at {line}:{column}: {message}")]
    Parse {
        /// Line of the fault.
        line: usize,
        /// Column of the fault.
        column: usize,
        /// What the parser says.
        message: String,
    },
    /// A field that is not there was asked for; `has(…)` asks without failing.
    #[error("there is no `{0}`; `has(…)` tells whether a field is set")]
    Missing(String),
    /// A name nobody declared.
    #[error("`{0}` is neither a declared object nor a function")]
    Undeclared(String),
    /// Any other failure while evaluating, in the evaluator's words.
    #[error("the expression cannot be evaluated: {0}")]
    Eval(String),
    /// A condition gave something else than true or false.
    #[error("the expression must be true or false, but gives {0}")]
    NotBool(Value),
}

impl Program {
    /// Compiles `text`.
    pub fn compile(text: &str) -> Result<Program, ExprError> {
        let compiled = cel::Program::compile(text).or_else(|errors| {
            let plain = optional::plain_cel(text).and_then(|plain| cel::Program::compile(&plain).ok());
            // Faults are told of the text as it was written.
            plain.ok_or_else(|| parse_error(&errors))
        })?;
        Ok(Program { text: text.to_owned(), compiled })
    }

    /// The text it was compiled from.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The names the expression takes from outside, so that a lint can tell those nobody declares.
    pub fn variables(&self) -> BTreeSet<String> {
        names::free(self.compiled.expression())
    }

    /// The type of what it gives, where its text alone tells; the fields of `dynamic` names may be anything.
    pub fn type_of(&self, dynamic: &[&str]) -> Option<&'static str> {
        result::type_of(self.compiled.expression(), dynamic)
    }

    /// Evaluates over named values.
    pub fn eval(&self, variables: &BTreeMap<String, Value>) -> Result<Value, ExprError> {
        self.eval_asking(variables, None)
    }

    /// Evaluates over named values and, where there is somebody to ask, the `authorizer`.
    pub fn eval_asking(
        &self,
        variables: &BTreeMap<String, Value>,
        asking: Option<&Asking>,
    ) -> Result<Value, ExprError> {
        let mut context = cel::Context::default().with_all();
        if let Some(asking) = asking {
            authorizer::provide(&mut context, asking);
        }
        for (name, json) in variables {
            context.add_variable_from_value(name.as_str(), value::to_cel(json));
        }
        // The evaluator knows no messages, such as `Pod{}`, and panics at one.
        let ran = std::panic::catch_unwind(AssertUnwindSafe(|| self.compiled.execute(&context)));
        let result = ran.map_err(|_| {
            ExprError::Eval("the evaluator broke off; messages such as `Pod{}` are not known here".to_owned())
        })?;
        let result = result.map_err(eval_error)?;
        value::from_cel(&result).ok_or_else(|| ExprError::Eval("the result is not a value".to_owned()))
    }

    /// Evaluates a condition.
    pub fn is_true(&self, variables: &BTreeMap<String, Value>) -> Result<bool, ExprError> {
        match self.eval(variables)? {
            Value::Bool(truth) => Ok(truth),
            other => Err(ExprError::NotBool(other)),
        }
    }
}

fn parse_error(errors: &cel::ParseErrors) -> ExprError {
    let Some(first) = errors.errors.first() else {
        return ExprError::Parse { line: 1, column: 1, message: errors.to_string() };
    };
    let place = |number: isize| usize::try_from(number).unwrap_or(0).max(1);
    ExprError::Parse { line: place(first.pos.0), column: place(first.pos.1), message: first.msg.trim().to_owned() }
}

fn eval_error(error: cel::ExecutionError) -> ExprError {
    match error {
        cel::ExecutionError::NoSuchKey(key) => ExprError::Missing(key.to_string()),
        cel::ExecutionError::UndeclaredReference(name) => ExprError::Undeclared(name.to_string()),
        cel::ExecutionError::NoSuchOverload => {
            ExprError::Eval("no such overload: an operator was given types it does not take".to_owned())
        }
        other => ExprError::Eval(other.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    fn objects() -> BTreeMap<String, Value> {
        let web = json!({
            "spec": {"replicas": 3, "template": {"spec": {"containers": [
                {"name": "web", "image": "nginx:1.27", "resources": {"limits": {"memory": "1Gi"}}},
                {"name": "log", "image": "busybox"}]}}},
            "status": {"ratio": 0.5}
        });
        BTreeMap::from([("web".to_owned(), web), ("pods".to_owned(), json!([{"n": 1}, {"n": 2}]))])
    }

    fn eval(text: &str) -> Result<Value, ExprError> {
        Program::compile(text)?.eval(&objects())
    }

    #[test]
    fn whole_numbers_are_signed() {
        assert_eq!(eval("web.spec.replicas + 1"), Ok(json!(4)));
        assert_eq!(eval("web.spec.replicas - 5"), Ok(json!(-2)));
        assert_eq!(eval("web.status.ratio * 2.0"), Ok(json!(1.0)));
        assert_eq!(eval("size(pods) == 2 && pods.map(p, p.n) == [1, 2]"), Ok(json!(true)));
    }

    #[test]
    fn kubernetes_libraries_are_at_hand() {
        let memory = "quantity(web.spec.template.spec.containers[0].resources.limits.memory)";
        assert_eq!(eval(&format!("{memory}.compareTo(quantity('1024Mi')) == 0")), Ok(json!(true)));
        assert_eq!(eval("web.spec.template.spec.containers.exists(c, c.image.startsWith('nginx:'))"), Ok(json!(true)));
        assert_eq!(eval("sets.contains([1, 2], [2])"), Ok(json!(true)));
        assert_eq!(eval("web.?spec.?replicas.orValue(7) == 3 && !web.?spec.?x.hasValue()"), Ok(json!(true)));
        assert_eq!(eval("'10.0.0.1'.find('[0-9]+$')"), Ok(json!("1")));
        assert_eq!(eval("{'b': 1, 'a': [null]}"), Ok(json!({"a": [null], "b": 1})));
    }

    #[test]
    fn faults_say_what_and_where() {
        assert!(matches!(eval("Web{} == web"), Err(ExprError::Eval(_))), "no messages can be made");
        let Err(ExprError::Parse { line, column, .. }) = eval("web.spec\n  == == 3") else { panic!("it parsed") };
        assert_eq!((line, column), (2, 6));
        assert_eq!(eval("web.spec.selector.x"), Err(ExprError::Missing("selector".to_owned())));
        assert_eq!(eval("has(web.spec.selector)"), Ok(json!(false)));
        assert_eq!(eval("site.spec"), Err(ExprError::Undeclared("site".to_owned())));
        assert!(matches!(eval("web.spec.replicas + 'x'"), Err(ExprError::Eval(_))));
        let program = Program::compile("web.spec.replicas").unwrap();
        assert_eq!(program.is_true(&objects()), Err(ExprError::NotBool(json!(3))));
        assert_eq!(Program::compile("web.spec.replicas > 2").unwrap().is_true(&objects()), Ok(true));
    }

    #[test]
    fn free_variables_leave_out_what_macros_bind() {
        let program = Program::compile("pods.all(p, p.n > web.spec.replicas) && sets.contains(pods, [x])").unwrap();
        assert_eq!(program.variables().into_iter().collect::<Vec<_>>(), ["pods", "web", "x"]);
    }

    #[test]
    fn programs_may_be_shared_between_threads() {
        fn shared<T: Send + Sync>(_: &T) {}
        shared(&Program::compile("1").unwrap());
    }

    proptest! {
        #[test]
        fn no_text_panics(text in "\\PC{0,20}|[a-z.()\\[\\]{}'\"0-9+=&|!<> ,?:-]{0,30}") {
            let _ = eval(&text);
        }
    }
}
