//! The names of everything that can be wrong with a pack, with what each means.
//! `docs/pack-format.md` lists them; a test keeps it so, and another that each has a sample.

/// Every code with its meaning.
pub const CODES: &[(&str, &str)] = &[
    ("after-cycle", "a check waits for itself"),
    ("bad-expression", "a CEL expression does not compile, uses what is not declared, or is not true or false"),
    ("bad-selector", "labels or a selector that Kubernetes would refuse"),
    ("bad-value", "a value that cannot stand where it stands"),
    ("duplicate-name", "two things that are found by name have the same"),
    ("endless-template", "a template that loops for ever, or makes too much text"),
    ("missing-field", "a field that must be there is not"),
    ("missing-file", "a file that is named is not there"),
    ("missing-text", "hints, explanation, pages or topics are missing"),
    ("name-not-folder", "a scenario's name is not its folder's"),
    ("name-not-told", "a check asks for a name the learner was never told"),
    ("no-checks", "there is nothing to grade"),
    ("no-message", "an expression fails without telling the learner why"),
    ("no-network", "a check asks through the network, and `requires` does not say so"),
    ("no-node-shell", "a check looks inside of nodes, and `requires` does not say `node-shell`"),
    ("no-points", "a check is worth nothing and is no guard"),
    ("no-solution", "nothing proves that the task can be done"),
    ("no-value-left", "parameters cannot differ as they should"),
    ("no-wrong", "nothing proves that mistakes are found"),
    ("not-found", "there is no such scenario or exam"),
    ("path-outside", "a path leads out of the pack, or to a file that cannot be used"),
    ("pays-for-nothing", "a negative check is worth points before anything is done"),
    ("run-in-setup", "setup runs shell text"),
    ("template", "a template that cannot be drawn"),
    ("too-big", "more files or bytes than any pack has"),
    ("two-tasks", "the task stands in scenario.yaml and in task.md"),
    ("undeclared-param", "a template uses what `params` does not declare"),
    ("unknown-field", "a field the format, or Kubernetes, does not have"),
    ("unknown-kind", "a kind Kubernetes does not have"),
    ("unknown-name", "a check, parameter, domain or scenario that is not there"),
    ("unknown-resource", "a resource Kubernetes does not have"),
    ("unreadable", "a file or folder that cannot be read"),
    ("unused-file", "a file that no step uses"),
    ("unused-object", "an expression is given an object it does not use"),
    ("unused-param", "a parameter that no text uses"),
    ("yaml", "text that is not YAML, or that grows without end"),
];

/// Whether a code is in the list.
pub fn is_known(code: &str) -> bool {
    CODES.iter().any(|(known, _)| *known == code)
}
