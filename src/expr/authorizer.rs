//! The `authorizer` of expressions: who may do what is asked step by step, and answered by whoever stands behind it.
//! Source: k8s.io/apiserver `pkg/cel/library/authz.go`.

use std::collections::HashMap;
use std::sync::Arc;

use kube_cel::cel::extractors::This;
use kube_cel::cel::objects::{Key, Map, Opaque};
use kube_cel::cel::{Context, ExecutionError, ResolveResult, Value};

/// What is asked; empty where a part does not apply.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Question {
    /// Namespace and name of the ServiceAccount it is about, if not about the user of the request.
    pub service_account: Option<(String, String)>,
    /// The path it is about, if not about objects.
    pub path: Option<String>,
    pub group: String,
    pub resource: String,
    pub subresource: String,
    pub namespace: String,
    pub name: String,
    pub verb: String,
}

/// Whether something may be done, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    pub allowed: bool,
    pub reason: String,
}

/// Answers questions.
pub trait Authorizer: Send + Sync {
    fn answer(&self, question: &Question) -> Answer;
}

/// What expressions reach as `authorizer`: who answers, and the objects of the request, which `authorizer.requestResource` is about.
#[derive(Clone)]
pub struct Asking {
    pub authorizer: Arc<dyn Authorizer>,
    pub request: Question,
}

/// How far a question has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    Authorizer,
    Path,
    Group,
    Resource,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Asked(Step, Question);

impl Opaque for Asked {
    fn runtime_type_name(&self) -> &str {
        match self.0 {
            Step::Authorizer => "kubernetes.authorization.Authorizer",
            Step::Path => "kubernetes.authorization.PathCheck",
            Step::Group => "kubernetes.authorization.GroupCheck",
            Step::Resource => "kubernetes.authorization.ResourceCheck",
        }
    }
}

impl Opaque for Answer {
    fn runtime_type_name(&self) -> &str {
        "kubernetes.authorization.Decision"
    }
}

/// Under this key of the variable stands the authorizer itself: a field of it, `requestResource`, can be asked for, too.
const ITSELF: &str = "";

/// Puts the variable and its functions into a context.
pub(super) fn provide(context: &mut Context, asking: &Asking) {
    let opaque = |asked: Asked| Value::Opaque(Arc::new(asked));
    let key = |name: &str| Key::String(Arc::new(name.to_owned()));
    let fields = HashMap::from([
        (key(ITSELF), opaque(Asked(Step::Authorizer, Question::default()))),
        (key("requestResource"), opaque(Asked(Step::Resource, asking.request.clone()))),
    ]);
    context.add_variable_from_value("authorizer", Value::Map(Map { map: Arc::new(fields) }));
    context.add_function("path", |This(this): This<Value>, path: Arc<String>| {
        let asked = at(&this, Step::Authorizer)?;
        if path.trim().is_empty() {
            return Err(ExecutionError::function_error("path", "path must not be empty"));
        }
        next(Step::Path, Question { path: Some(path.to_string()), ..asked })
    });
    context.add_function("group", |This(this): This<Value>, group: Arc<String>| {
        next(Step::Group, Question { group: group.to_string(), ..at(&this, Step::Authorizer)? })
    });
    context.add_function("serviceAccount", |This(this): This<Value>, namespace: Arc<String>, name: Arc<String>| {
        let service_account = Some((namespace.to_string(), name.to_string()));
        next(Step::Authorizer, Question { service_account, ..at(&this, Step::Authorizer)? })
    });
    context.add_function("resource", |This(this): This<Value>, resource: Arc<String>| {
        let asked = at(&this, Step::Group)?;
        if resource.trim().is_empty() {
            return Err(ExecutionError::function_error("resource", "resource must not be empty"));
        }
        next(Step::Resource, Question { resource: resource.to_string(), ..asked })
    });
    narrow(context);
    let authorizer = asking.authorizer.clone();
    context.add_function("check", move |This(this): This<Value>, verb: Arc<String>| -> ResolveResult {
        let asked = at(&this, Step::Resource).or_else(|_| at(&this, Step::Path))?;
        let answer = authorizer.answer(&Question { verb: verb.to_string(), ..asked });
        Ok(Value::Opaque(Arc::new(answer)))
    });
    context.add_function("allowed", |This(this): This<Value>| Ok::<_, ExecutionError>(answered(&this)?.allowed));
    context
        .add_function("reason", |This(this): This<Value>| Ok::<_, ExecutionError>(Arc::new(answered(&this)?.reason)));
    // RBAC always comes to an answer.
    context.add_function("errored", |This(this): This<Value>| answered(&this).map(|_| false));
    context.add_function("error", |This(this): This<Value>| answered(&this).map(|_| Arc::new(String::new())));
}

/// What narrows a question about objects.
fn narrow(context: &mut Context) {
    context.add_function("subresource", |This(this): This<Value>, subresource: Arc<String>| {
        next(Step::Resource, Question { subresource: subresource.to_string(), ..at(&this, Step::Resource)? })
    });
    context.add_function("namespace", |This(this): This<Value>, namespace: Arc<String>| {
        next(Step::Resource, Question { namespace: namespace.to_string(), ..at(&this, Step::Resource)? })
    });
    context.add_function("name", |This(this): This<Value>, name: Arc<String>| {
        next(Step::Resource, Question { name: name.to_string(), ..at(&this, Step::Resource)? })
    });
    // RBAC does not look at selectors.
    for selector in ["fieldSelector", "labelSelector"] {
        context.add_function(selector, |This(this): This<Value>, _selector: Arc<String>| {
            next(Step::Resource, at(&this, Step::Resource)?)
        });
    }
}

fn next(step: Step, question: Question) -> ResolveResult {
    Ok(Value::Opaque(Arc::new(Asked(step, question))))
}

/// The question that a value is, at this step of it.
fn at(value: &Value, step: Step) -> Result<Question, ExecutionError> {
    let value = match value {
        Value::Map(map) => map.map.get(&Key::String(Arc::new(ITSELF.to_owned()))).unwrap_or(value),
        _ => value,
    };
    match value {
        Value::Opaque(opaque) => opaque.downcast_ref::<Asked>().filter(|asked| asked.0 == step),
        _ => None,
    }
    .map(|asked| asked.1.clone())
    .ok_or(ExecutionError::NoSuchOverload)
}

fn answered(value: &Value) -> Result<Answer, ExecutionError> {
    match value {
        Value::Opaque(opaque) => opaque.downcast_ref::<Answer>().cloned(),
        _ => None,
    }
    .ok_or(ExecutionError::NoSuchOverload)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde_json::json;

    use super::super::{ExprError, Program};
    use super::*;

    /// Allows what names itself.
    struct Echo;

    impl Authorizer for Echo {
        fn answer(&self, question: &Question) -> Answer {
            Answer { allowed: question.verb != "delete", reason: format!("{question:?}") }
        }
    }

    fn eval(text: &str) -> Result<serde_json::Value, ExprError> {
        let request = Question { resource: "pods".to_owned(), name: "a".to_owned(), ..Question::default() };
        let asking = Asking { authorizer: Arc::new(Echo), request };
        Program::compile(text)?.eval_asking(&BTreeMap::new(), Some(&asking))
    }

    #[test]
    fn questions_are_put_together_step_by_step() {
        let all = "authorizer.group('apps').resource('deployments').subresource('scale').namespace('n').name('d').labelSelector('a=b')";
        assert_eq!(eval(&format!("{all}.check('update').allowed()")), Ok(json!(true)));
        assert_eq!(eval(&format!("{all}.check('delete').allowed()")), Ok(json!(false)));
        let question = Question {
            group: "apps".to_owned(),
            resource: "deployments".to_owned(),
            subresource: "scale".to_owned(),
            namespace: "n".to_owned(),
            name: "d".to_owned(),
            verb: "update".to_owned(),
            ..Question::default()
        };
        assert_eq!(eval(&format!("{all}.check('update').reason()")), Ok(json!(format!("{question:?}"))));
        let other = "authorizer.serviceAccount('n', 's').path('/healthz').check('get').reason()";
        let question = Question {
            service_account: Some(("n".to_owned(), "s".to_owned())),
            path: Some("/healthz".to_owned()),
            verb: "get".to_owned(),
            ..Question::default()
        };
        assert_eq!(eval(other), Ok(json!(format!("{question:?}"))));
        let own = eval("authorizer.requestResource.check('get').reason()").unwrap();
        assert!(own.as_str().unwrap().contains(r#"name: "a""#), "{own}");
        assert_eq!(eval("authorizer.group('').resource('pods').check('get').errored()"), Ok(json!(false)));
        assert_eq!(eval("authorizer.group('').resource('pods').check('get').error()"), Ok(json!("")));
    }

    #[test]
    fn steps_that_do_not_follow_are_refused() {
        assert!(matches!(eval("authorizer.resource('pods')"), Err(ExprError::Eval(_))));
        assert!(matches!(eval("authorizer.group('').check('get')"), Err(ExprError::Eval(_))));
        let Err(ExprError::Eval(why)) = eval("authorizer.path(' ').check('get').allowed()") else {
            panic!("it was asked")
        };
        assert!(why.contains("path must not be empty"), "{why}");
    }
}
