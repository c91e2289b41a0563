//! Templates: minijinja with a budget, strict about what is not declared, without files or environment.
//! A string that is one `{{ … }}` and nothing else keeps the drawn value's type; every other string becomes text.

use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::Arc;

use minijinja::syntax::SyntaxConfig;
use minijinja::{AutoEscape, Environment, ErrorKind, UndefinedBehavior};
use serde_json::{Map, Value};

use super::node::{Key, Node, Tree};
use super::problem::Problem;
use super::source::{Place, Source};

/// How much work one template may do: about this many instructions, or 64 times as many bytes.
const FUEL: u64 = 50_000;

/// Draws templates with one set of parameters.
pub struct Templates {
    environment: Environment<'static>,
    params: minijinja::Value,
}

impl Templates {
    /// Templates that see these parameters and nothing else.
    pub fn new(params: &Map<String, Value>) -> Self {
        let mut environment = Environment::new();
        environment.set_undefined_behavior(UndefinedBehavior::Strict);
        environment.set_auto_escape_callback(|_| AutoEscape::None);
        environment.set_fuel(Some(FUEL));
        environment.set_debug(true);
        if let Ok(syntax) = syntax() {
            environment.set_syntax(syntax);
        }
        Self { environment, params: minijinja::Value::from(minijinja::value::Serde(params)) }
    }

    /// Draws every string of a tree, keys too. What cannot be drawn is told and stays as it was.
    pub fn draw(&self, source: &Arc<Source>, node: &Node, problems: &mut Vec<Problem>) -> Node {
        let tree = match &node.tree {
            Tree::Text(text) if is_template(text) => match self.value(text) {
                Ok(value) => return Node::of_value(&value, &node.span),
                Err(error) => {
                    let place = source.place(within_scalar(source, &node.span, &error));
                    problems.push(problem(place, &error));
                    node.tree.clone()
                }
            },
            Tree::List(items) => Tree::List(items.iter().map(|item| self.draw(source, item, problems)).collect()),
            Tree::Map(entries) => Tree::Map(
                entries
                    .iter()
                    .map(|(key, value)| (self.draw_key(source, key, problems), self.draw(source, value, problems)))
                    .collect(),
            ),
            other => other.clone(),
        };
        Node { span: node.span.clone(), tree, drawn: node.drawn }
    }

    fn draw_key(&self, source: &Arc<Source>, key: &Key, problems: &mut Vec<Problem>) -> Key {
        if !is_template(&key.text) {
            return key.clone();
        }
        match self.environment.render_str(&key.text, &self.params) {
            Ok(text) => Key { span: key.span.clone(), text },
            Err(error) => {
                problems.push(problem(source.place(key.span.clone()), &error));
                key.clone()
            }
        }
    }

    /// Draws a whole file.
    pub fn draw_file(&self, source: &Arc<Source>) -> Result<String, Problem> {
        if !is_template(&source.text) {
            return Ok(source.text.to_string());
        }
        self.environment.render_str(&source.text, &self.params).map_err(|error| {
            let span = narrow(source, line_span(&source.text, 0, error.line().unwrap_or(1)), &error);
            problem(source.place(span), &error)
        })
    }

    fn value(&self, text: &str) -> Result<Value, minijinja::Error> {
        let Some(expression) = whole_expression(text) else {
            return self.environment.render_str(text, &self.params).map(Value::String);
        };
        let value = self.environment.compile_expression(expression)?.eval(&self.params)?;
        if value.is_undefined() {
            return self.environment.render_str(text, &self.params).map(Value::String);
        }
        serde_json::to_value(&value)
            .map_err(|error| minijinja::Error::new(ErrorKind::BadSerialization, error.to_string()))
    }

    /// The names a text's templates look up that they do not make themselves; empty where the text is no template or a broken one.
    pub fn names(&self, text: &str) -> BTreeSet<String> {
        if !is_template(text) {
            return BTreeSet::new();
        }
        let template = self.environment.template_from_str(text);
        template.map(|template| template.undeclared_variables(false).into_iter().collect()).unwrap_or_default()
    }

    /// Whether templates have a function of this name; a parameter of the same name hides it.
    pub fn has_function(&self, name: &str) -> bool {
        self.environment.globals().any(|(known, _)| known == name)
    }
}

/// Block lines leave no empty lines; comments are `{{# … #}}`, because `{#` stands in shell scripts.
fn syntax() -> Result<SyntaxConfig, minijinja::Error> {
    let mut syntax = SyntaxConfig::builder();
    syntax.trim_blocks(true).lstrip_blocks(true).keep_trailing_newline(true).comment_delimiters("{{#", "#}}");
    syntax.build()
}

/// The JSON Schema of a number that a template may draw.
pub fn number_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
    let drawn = "^\\{\\{.*\\}\\}$";
    schemars::json_schema!({ "anyOf": [{ "type": "integer", "minimum": 0 }, { "type": "string", "pattern": drawn }] })
}

/// Whether a text has anything to draw.
pub fn is_template(text: &str) -> bool {
    ["{{", "{%"].iter().any(|mark| text.contains(mark))
}

/// The expression of a text that is one `{{ … }}` and nothing else.
fn whole_expression(text: &str) -> Option<&str> {
    let inner = text.strip_prefix("{{")?.strip_suffix("}}")?;
    let alone = ["{{", "}}", "{%"].iter().all(|mark| !inner.contains(mark));
    (alone && !inner.starts_with(['-', '+', '#']) && !inner.ends_with(['-', '+', '#'])).then_some(inner)
}

/// Where in a scalar of the file a template error is: the expression where it can be found, the line otherwise.
fn within_scalar(source: &Source, span: &Range<usize>, error: &minijinja::Error) -> Range<usize> {
    let scalar = source.text.get(span.clone()).unwrap_or_default();
    let block = usize::from(scalar.starts_with(['|', '>']));
    let skip = source.text[..span.start].matches('\n').count() + block;
    let line = line_span(&source.text, skip, error.line().unwrap_or(1));
    let line = line.start.max(span.start)..line.end.min(span.end.max(line.start));
    narrow(source, line, error)
}

/// The part of a line that an error names, where it stands there.
fn narrow(source: &Source, line: Range<usize>, error: &minijinja::Error) -> Range<usize> {
    let fragment = error.template_source().zip(error.range()).and_then(|(text, range)| text.get(range));
    let inside = fragment.filter(|fragment| !fragment.is_empty()).and_then(|fragment| {
        let at = line.start + find_drawn(source.text.get(line.clone())?, fragment)?;
        Some(at..at + fragment.len())
    });
    inside.unwrap_or(line)
}

/// Where a word stands inside of `{{ }}` or `{% %}`, as a word of its own.
pub fn find_drawn(text: &str, word: &str) -> Option<usize> {
    let part = |letter: Option<char>| letter.is_some_and(|letter| letter.is_alphanumeric() || letter == '_');
    let whole = |at: usize| {
        let plain = !word.starts_with(|letter: char| letter.is_alphanumeric());
        let before = text[..at].chars().next_back();
        plain || !(part(before) || before == Some('.') || part(text[at + word.len()..].chars().next()))
    };
    let inside = |at: usize| {
        let last = |marks: [&str; 2]| text[..at].rfind(marks[0]).max(text[..at].rfind(marks[1]));
        last(["{{", "{%"]) > last(["}}", "%}"])
    };
    text.match_indices(word).map(|(at, _)| at).find(|at| whole(*at) && inside(*at))
}

/// The text of line `line` (from 1) behind `skip` lines, without the white space around it.
fn line_span(text: &str, skip: usize, line: usize) -> Range<usize> {
    let mut lines = text.split_inclusive('\n').skip(skip + line.max(1) - 1);
    let start: usize = text.split_inclusive('\n').take(skip + line.max(1) - 1).map(str::len).sum();
    let found = lines.next().unwrap_or_default();
    let start = (start + found.len() - found.trim_start().len()).min(text.len());
    start..(start + found.trim().len()).min(text.len())
}

fn problem(place: Place, error: &minijinja::Error) -> Problem {
    let detail = error.detail().map(|detail| format!(": {detail}")).unwrap_or_default();
    let recursion = error.detail().is_some_and(|detail| detail.contains("recursion limit"));
    match error.kind() {
        ErrorKind::InvalidOperation | ErrorKind::OutOfFuel if recursion || error.kind() == ErrorKind::OutOfFuel => {
            Problem::at(place, "endless-template", "this template does too much: it loops for ever, or nearly so")
                .help("a template only fills in parameters; draw numbers and lists under `params`")
        }
        ErrorKind::UndefinedError => {
            let fragment = error.template_source().zip(error.range()).and_then(|(text, range)| text.get(range));
            let name = fragment.map_or_else(|| "a name".to_owned(), |name| format!("`{name}`"));
            Problem::at(place, "undeclared-param", format!("{name} is used here, and `params` declares no such thing"))
        }
        kind => Problem::at(place, "template", format!("this template cannot be drawn: {kind}{detail}")),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::node::{Dialect, parse};
    use super::*;

    fn draw(text: &str, params: Value) -> Result<Value, Vec<String>> {
        let source = Source::new("scenario.yaml", text);
        let node = parse(&source, Dialect::Pack).unwrap();
        let Value::Object(params) = params else { panic!("parameters are a mapping") };
        let mut problems = Vec::new();
        let drawn = Templates::new(&params).draw(&source, &node, &mut problems);
        let told: Vec<String> = problems.iter().map(|problem| format!("{problem} [{}]", problem.code)).collect();
        if told.is_empty() { Ok(drawn.to_value()) } else { Err(told) }
    }

    #[test]
    fn a_lone_expression_keeps_its_type_and_other_text_is_text() {
        let drawn = draw(
            "a: '{{ n }}'\nb: 'x{{ n }}'\nc: '{{ n | string }}'\nd: '{{ app.port }}'\n'{{ ns }}': 1\n",
            json!({"n": 3, "app": {"port": 80}, "ns": "vega"}),
        );
        assert_eq!(drawn, Ok(json!({"a": 3, "b": "x3", "c": "3", "d": 80, "vega": 1})));
    }

    #[test]
    fn shell_text_is_left_alone() {
        let text =
            "run: |\n  echo ${#list} ${name%.*} $(kubectl get po -o jsonpath='{.items[*].metadata.name}') {{ n }}\n";
        let drawn = draw(text, json!({"n": 3})).unwrap();
        let expected = "echo ${#list} ${name%.*} $(kubectl get po -o jsonpath='{.items[*].metadata.name}') 3\n";
        assert_eq!(drawn["run"], expected);
    }

    #[test]
    fn blocks_leave_no_empty_lines() {
        let text = "task: |\n  {% for n in [1, 2] %}\n  - {{ n }}\n  {% endfor %}\n  end\n";
        assert_eq!(draw(text, json!({})).unwrap()["task"], "- 1\n- 2\nend\n");
    }

    #[test]
    fn errors_point_into_the_text() {
        let text = "a: x\ntask: |\n  one {{ ok }}\n  two {{ app.nmae }} three\nb: 'say {{ other }}'\nc: '{{ alone }}'\nd: '{% if %}'\n";
        let told = draw(text, json!({"ok": 1, "app": {"name": "x"}})).unwrap_err();
        insta::assert_snapshot!(told.join("\n"), @r"
        scenario.yaml:4:10: `app.nmae` is used here, and `params` declares no such thing [undeclared-param]
        scenario.yaml:5:12: `other` is used here, and `params` declares no such thing [undeclared-param]
        scenario.yaml:6:8: `alone` is used here, and `params` declares no such thing [undeclared-param]
        scenario.yaml:7:11: this template cannot be drawn: syntax error: unexpected end of block [template]
        ");
    }

    #[test]
    fn what_never_ends_is_stopped() {
        let loops = [
            "{% for a in range(9999) %}{% for b in range(9999) %}{{ a }}{% endfor %}{% endfor %}",
            "{% macro again() %}{{ again() }}{{ again() }}{% endmacro %}{{ again() }}",
            "{{ 'x' * 99999999 }}",
            "{% set n = namespace(x='xx') %}{% for i in range(90) %}{% set n.x = n.x ~ n.x %}{% endfor %}",
        ];
        for text in loops {
            let told = draw(&format!("task: \"{text}\"\n"), json!({})).unwrap_err();
            assert!(told[0].contains("scenario.yaml:1:"), "{told:?}");
            assert!(told[0].ends_with("[endless-template]"), "{told:?}");
        }
    }

    #[test]
    fn nothing_outside_can_be_read() {
        for text in ["{% include '/etc/passwd' %}", "{{ env.HOME }}", "{% import 'x' as x %}", "{{ open('x') }}"] {
            assert!(draw(&format!("task: \"{text}\"\n"), json!({})).is_err(), "{text}");
        }
    }
}
