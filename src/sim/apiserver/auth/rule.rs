//! One rule of a role: what it allows, what it covers, how it is written in messages.
//! Which rules apply to whom stands in `rbac.rs`. Source: `pkg/apis/rbac/v1/evaluation_helpers.go` and
//! `k8s.io/component-helpers/auth/rbac/validation/policy_comparator.go`.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::{Attributes, ResourceAttributes, Target};

/// A `PolicyRule`, read once.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rule {
    verbs: Words,
    groups: Words,
    resources: Words,
    names: Words,
    urls: Words,
}

type Words = Vec<Box<str>>;

fn has(words: &Words, word: &str) -> bool {
    words.iter().any(|one| **one == *word)
}

fn any_or(words: &Words, word: &str) -> bool {
    words.iter().any(|one| **one == *"*" || **one == *word)
}

fn has_all(words: &Words, others: &Words) -> bool {
    others.iter().all(|other| has(words, other))
}

impl Rule {
    /// Reads one element of `rules`.
    pub fn from_value(rule: &Value) -> Self {
        let words = |key: &str| {
            let all = rule.get(key).and_then(Value::as_array).into_iter().flatten();
            all.filter_map(Value::as_str).map(Box::from).collect()
        };
        Self {
            verbs: words("verbs"),
            groups: words("apiGroups"),
            resources: words("resources"),
            names: words("resourceNames"),
            urls: words("nonResourceURLs"),
        }
    }

    /// The rules of a Role or ClusterRole.
    pub fn all_of(role: &Value) -> Vec<Self> {
        role.get("rules").and_then(Value::as_array).into_iter().flatten().map(Self::from_value).collect()
    }

    /// The two rules that allow everything.
    pub fn everything() -> Vec<Self> {
        let star = || vec![Box::from("*")];
        let objects = Self { verbs: star(), groups: star(), resources: star(), ..Self::default() };
        vec![objects, Self { verbs: star(), urls: star(), ..Self::default() }]
    }

    /// The rule as SelfSubjectRulesReview shows it: for objects, and for URLs, where it has any.
    pub(super) fn review(&self) -> (Option<Value>, Option<Value>) {
        let shown = |parts: &[(&str, &Words)]| {
            let told = parts.iter().filter(|(_, words)| !words.is_empty());
            Value::Object(told.map(|(name, words)| ((*name).to_owned(), json!(words))).collect())
        };
        let objects = [
            ("verbs", &self.verbs),
            ("apiGroups", &self.groups),
            ("resources", &self.resources),
            ("resourceNames", &self.names),
        ];
        let urls = [("verbs", &self.verbs), ("nonResourceURLs", &self.urls)];
        let objects = (!self.resources.is_empty()).then(|| shown(&objects));
        (objects, (!self.urls.is_empty()).then(|| shown(&urls)))
    }

    /// Whether the rule allows what is asked, whoever asks.
    pub fn allows(&self, asked: &Attributes<'_>) -> bool {
        any_or(&self.verbs, asked.verb)
            && match asked.target {
                Target::Path(path) => self.urls.iter().any(|url| url_covers(url, path)),
                Target::Resource(object) => self.allows_object(&object),
            }
    }

    fn allows_object(&self, asked: &ResourceAttributes<'_>) -> bool {
        any_or(&self.groups, asked.group)
            && self.resources.iter().any(|resource| resource_matches(resource, asked.resource, asked.subresource))
            && (self.names.is_empty() || has(&self.names, asked.name))
    }

    /// Whether one who holds this rule holds the atom `other` as well.
    fn covers(&self, other: &Self) -> bool {
        let verbs = has(&self.verbs, "*") || has_all(&self.verbs, &other.verbs);
        let groups = has(&self.groups, "*") || has_all(&self.groups, &other.groups);
        let resources = has(&self.resources, "*") || other.resources.iter().all(|path| self.covers_resource(path));
        let names = self.names.is_empty() || (!other.names.is_empty() && has_all(&self.names, &other.names));
        let urls = other.urls.iter().all(|path| self.urls.iter().any(|own| url_covers(own, path)));
        verbs && groups && resources && names && urls
    }

    fn covers_resource(&self, path: &str) -> bool {
        let whole = || path.split_once('/').is_some_and(|(_, sub)| has(&self.resources, &format!("*/{sub}")));
        has(&self.resources, path) || whole()
    }

    /// The rule in atoms of one verb and one resource, name or URL.
    fn atoms(&self) -> Vec<Self> {
        let one = |word: &str| vec![Box::from(word)];
        let mut atoms = Vec::new();
        for (group, resource) in self.groups.iter().flat_map(|group| self.resources.iter().map(move |it| (group, it))) {
            for verb in &self.verbs {
                let atom = Self { verbs: one(verb), groups: one(group), resources: one(resource), ..Self::default() };
                if self.names.is_empty() {
                    atoms.push(atom);
                } else {
                    atoms.extend(self.names.iter().map(|name| Self { names: one(name), ..atom.clone() }));
                }
            }
        }
        for url in &self.urls {
            atoms.extend(self.verbs.iter().map(|verb| Self { verbs: one(verb), urls: one(url), ..Self::default() }));
        }
        atoms
    }

    /// The rule as a refused escalation shows it.
    fn describe(&self) -> String {
        let parts = [
            ("APIGroups", &self.groups),
            ("Resources", &self.resources),
            ("NonResourceURLs", &self.urls),
            ("ResourceNames", &self.names),
            ("Verbs", &self.verbs),
        ];
        let told = parts.iter().filter(|(_, words)| !words.is_empty());
        let told: Vec<String> = told.map(|(name, words)| format!("{name}:{}", quoted(words))).collect();
        format!("{{{}}}", told.join(", "))
    }
}

/// A list as Go's `%q` writes it.
pub(super) fn quoted(words: &[impl AsRef<str>]) -> String {
    let words: Vec<String> = words.iter().map(|word| format!("{:?}", word.as_ref())).collect();
    format!("[{}]", words.join(" "))
}

/// The rules of `wanted` that nothing in `held` covers, as lines of a message, sorted; empty when all are covered.
pub fn missing(held: &[Rule], wanted: &[Rule]) -> Vec<String> {
    let atoms = wanted.iter().flat_map(Rule::atoms);
    let mut uncovered: Vec<Rule> = Vec::new();
    for atom in atoms.filter(|atom| !held.iter().any(|rule| rule.covers(atom))) {
        // Atoms that differ by verb alone are told as one; those of URLs are not.
        let alike = |other: &&mut Rule| {
            atom.urls.is_empty()
                && (&other.groups, &other.resources, &other.names) == (&atom.groups, &atom.resources, &atom.names)
        };
        match uncovered.iter_mut().find(alike) {
            Some(rule) if rule.urls.is_empty() => rule.verbs.extend(atom.verbs),
            _ => uncovered.push(atom),
        }
    }
    let lines: BTreeSet<String> = uncovered.iter().map(Rule::describe).collect();
    lines.into_iter().collect()
}

fn resource_matches(rule: &str, resource: &str, subresource: &str) -> bool {
    if rule == "*" {
        return true;
    }
    if subresource.is_empty() {
        return rule == resource;
    }
    let Some((left, right)) = rule.split_once('/') else { return false };
    right == subresource && (left == "*" || left == resource)
}

/// Whether a rule's URL, which may end in `*`, is or includes `path`.
fn url_covers(url: &str, path: &str) -> bool {
    url == "*" || url == path || (url.ends_with('*') && path.starts_with(url.trim_end_matches('*')))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::User;
    use super::*;

    fn allows(rule: Value, verb: &str, target: Target<'_>) -> bool {
        Rule::from_value(&rule).allows(&Attributes { user: &User::default(), verb, target })
    }

    fn object<'a>(resource: &'a str, subresource: &'a str, name: &'a str) -> Target<'a> {
        Target::Resource(ResourceAttributes { group: "apps", resource, subresource, name, ..Default::default() })
    }

    #[test]
    fn subresources_are_resources_of_their_own() {
        let rule = |resource: &str| json!({"apiGroups": ["apps"], "resources": [resource], "verbs": ["get"]});
        assert!(allows(rule("deployments"), "get", object("deployments", "", "")));
        assert!(!allows(rule("deployments"), "get", object("deployments", "scale", "")));
        assert!(allows(rule("deployments/scale"), "get", object("deployments", "scale", "")));
        assert!(allows(rule("*/scale"), "get", object("deployments", "scale", "")));
        assert!(!allows(rule("*/scale"), "get", object("deployments", "", "")));
        assert!(allows(rule("*"), "get", object("deployments", "scale", "")));
        assert!(!allows(rule("*"), "list", object("deployments", "", "")));
    }

    #[test]
    fn names_limit_a_rule_and_shut_out_what_has_none() {
        let rule = json!({"apiGroups": ["*"], "resources": ["deployments"], "resourceNames": ["web"], "verbs": ["*"]});
        assert!(allows(rule.clone(), "update", object("deployments", "", "web")));
        assert!(!allows(rule.clone(), "update", object("deployments", "", "db")));
        assert!(!allows(rule, "list", object("deployments", "", "")));
    }

    #[test]
    fn a_star_at_the_end_of_a_url_is_a_prefix() {
        let rule = json!({"nonResourceURLs": ["/healthz", "/api/*"], "verbs": ["get"]});
        assert!(allows(rule.clone(), "get", Target::Path("/api/v1")));
        assert!(allows(rule.clone(), "get", Target::Path("/healthz")));
        assert!(!allows(rule.clone(), "get", Target::Path("/api")));
        assert!(!allows(rule, "get", object("deployments", "", "")));
    }

    #[test]
    fn what_is_missing_is_told_by_resource() {
        let wanted = [json!({"apiGroups": [""], "resources": ["nodes", "pods"], "verbs": ["get", "list"]})];
        let wanted: Vec<Rule> = wanted.iter().map(Rule::from_value).collect();
        let held = [Rule::from_value(&json!({"apiGroups": [""], "resources": ["pods"], "verbs": ["*"]}))];
        let lines = [r#"{APIGroups:[""], Resources:["nodes"], Verbs:["get" "list"]}"#];
        assert_eq!(missing(&held, &wanted), lines);
        let lines = [r#"{APIGroups:["*"], Resources:["*"], Verbs:["*"]}"#, r#"{NonResourceURLs:["*"], Verbs:["*"]}"#];
        assert_eq!(missing(&held, &Rule::everything()), lines);
        assert!(missing(&Rule::everything(), &Rule::everything()).is_empty());
    }

    #[test]
    fn a_rule_for_some_names_covers_none_without() {
        let rule = |names: Value| {
            Rule::from_value(
                &json!({"apiGroups": [""], "resources": ["pods/log"], "resourceNames": names, "verbs": ["get"]}),
            )
        };
        assert!(missing(&[rule(json!(["a", "b"]))], &[rule(json!(["a"]))]).is_empty());
        assert_eq!(missing(&[rule(json!(["a"]))], &[rule(json!([]))]).len(), 1);
        let logs = Rule::from_value(&json!({"apiGroups": [""], "resources": ["*/log"], "verbs": ["get"]}));
        assert!(missing(&[logs], &[rule(json!([]))]).is_empty());
    }
}
