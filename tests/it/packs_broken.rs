//! Packs with faults: each tells what is wrong, where, and what to write instead. The answers stand in `tests/packs`.
//! A case is the pack that `pack new` makes with a few words changed.

use std::collections::BTreeSet;
use std::path::Path;

use kubedrill::base::seed::Seed;
use kubedrill::scenario::code::CODES;
use kubedrill::scenario::folder::Folder;
use kubedrill::scenario::lint::lint;
use kubedrill::scenario::{Pack, Problem, problem, scaffold};
use proptest::prelude::*;

/// A way to break the pack that `pack new` makes.
struct Case {
    name: &'static str,
    /// Text of `first-task/scenario.yaml`, and what stands there instead.
    edits: &'static [(&'static str, &'static str)],
    /// Files that are added, or replaced whole; `None` takes one away.
    files: &'static [(&'static str, Option<&'static str>)],
}

const fn case(name: &'static str, edits: &'static [(&'static str, &'static str)]) -> Case {
    Case { name, edits, files: &[] }
}

const OBJECT: &str = "      object:\n        apiVersion: v1\n        kind: ConfigMap\n        metadata: { name: keep-me, namespace: \"{{ ns }}\" }\n";

const CASES: &[Case] = &[
    case("typo in a field", &[("    - name: The old ConfigMap is gone", "    - nmae: The old ConfigMap is gone")]),
    case("field that does not exist in an object", &[("        data: { workers:", "        dta: { workers:")]),
    case(
        "several faults at once",
        &[
            ("points: 2", "point: 2"),
            ("points: 1", "points: 0"),
            ("minutes: 4", "minutes: soon"),
            ("{{ old }}**", "{{ odl }}**"),
        ],
    ),
    case(
        "two checks of the same name",
        &[(
            "name: The old ConfigMap is gone\n      points",
            "name: The ConfigMap has the number of workers\n      points",
        )],
    ),
    case(
        "parameter never declared",
        &[
            ("create a ConfigMap **{{ name }}**", "create a ConfigMap **{{ nane }}**"),
            ("`kubectl -n {{ ns }} create", "`kubectl -n {{ space }} create"),
        ],
    ),
    case("parameter never used", &[("    workers: {", "    spare: { choose: [a, b] }\n    workers: {")]),
    case("field of a parameter that is not there", &[("value `{{ workers }}`", "value `{{ workers.count }}`")]),
    case("points of zero", &[("points: 2", "points: 0")]),
    case("points missing", &[("      points: 2\n", "")]),
    case("guard with points", &[("guard: true", "guard: true\n      points: 3")]),
    case("check without a kind", &[(OBJECT, "")]),
    case(
        "check with two kinds",
        &[(
            OBJECT,
            "      absent: { apiVersion: v1, kind: Secret, name: x }\n      can: { as: x, verb: get, resource: pods }\n",
        )],
    ),
    case(
        "after names no check",
        &[("after: [The ConfigMap has the number of workers]", "after: [The ConfigMap has a number of workers]")],
    ),
    case(
        "checks that wait for each other",
        &[("      points: 2\n", "      points: 2\n      after: [The old ConfigMap is gone]\n")],
    ),
    case(
        "negative check that pays for nothing",
        &[(
            "      after: [The ConfigMap has the number of workers] # what holds by itself pays only after real work\n",
            "",
        )],
    ),
    case(
        "checks that need what is not required",
        &[(
            "    - name: The old ConfigMap is gone\n",
            "    - name: A node's kubelet runs\n      points: 1\n      nodeService: { node: node01, service: kubelet }\n    - name: A Pod answers\n      points: 1\n      connect: { from: { namespace: default, pod: client }, to: \"web:80\" }\n    - name: The old ConfigMap is gone\n",
        )],
    ),
    case("loses names no check", &[("loses: [The old ConfigMap is gone]", "loses: [The old ConfigMap is gne]")]),
    case("loses nothing", &[("loses: [The old ConfigMap is gone]", "loses: []")]),
    case(
        "setup that runs shell text",
        &[("    - apply: setup/before.yaml", "    - apply: setup/before.yaml\n    - run: kubectl get pods")],
    ),
    case("step with nothing", &[("    - apply: setup/before.yaml", "    - apply: setup/before.yaml\n    - {}")]),
    case(
        "file that is not there",
        &[("setup/before.yaml", "setup/befor.yaml"), ("$SOLUTION/configmap.yaml", "$SOLUTION/config.yaml")],
    ),
    case("solution file by its path in the pack", &[("\"$SOLUTION/configmap.yaml\"", "solution/configmap.yaml")]),
    case(
        "path that climbs out",
        &[("    - apply: setup/before.yaml", "    - apply: ../../../etc/passwd\n    - apply: /etc/passwd")],
    ),
    case("answer path that climbs out", &[(OBJECT, "      answerFile: { path: ../../.bashrc, contains: x }\n")]),
    case("not YAML", &[("title: Settings for a web server", "title: \"Settings for a web server")]),
    case(
        "fault of some variants only",
        &[
            (
                "workers: { from: 2, to: 8 }",
                "workers: { choose: [7, 7, 7, 7, 7, 7, { a: 1 }] }\n    word: { choose: [\"2\", \"3\", \"some\"] }",
            ),
            (
                OBJECT,
                "      object: { apiVersion: v1, kind: Pod, metadata: { name: x }, spec: { containers: [{ name: c, resources: { limits: { cpu: \"{{ word }}\" } } }] } }\n",
            ),
        ],
    ),
    case("template without quotes", &[("name: \"{{ name }}\", namespace", "name: {{ name }}, namespace")]),
    case("key twice", &[("  difficulty: easy", "  difficulty: easy\n  difficulty: hard")]),
    case(
        "alias bomb",
        &[(
            "  topics: [configmap]",
            "  a: &a [x, x, x, x, x, x, x, x, x, x]\n  b: &b [*a, *a, *a, *a, *a, *a, *a, *a, *a, *a]\n  c: &c [*b, *b, *b, *b, *b, *b, *b, *b, *b, *b]\n  d: &d [*c, *c, *c, *c, *c, *c, *c, *c, *c, *c]\n  topics: [*d, *d, *d, *d, *d, *d, *d, *d, *d]",
        )],
    ),
    case(
        "template that loops for ever",
        &[(
            "In the namespace **{{ ns }}**",
            "{% for a in range(99999) %}{% for b in range(99999) %}{{ ns }}{% endfor %}{% endfor %}",
        )],
    ),
    case("template that is none", &[("In the namespace **{{ ns }}**", "In the namespace **{{ ns }**")]),
    case(
        "text where a number belongs",
        &[
            ("minutes: 4", "minutes: four"),
            ("difficulty: easy", "difficulty: simple"),
            ("title: Settings for a web server", "title: 2048"),
        ],
    ),
    case("bad duration", &[("guard: true", "guard: true\n      within: 20 seconds")]),
    case(
        "parameters that cannot differ",
        &[
            (
                "old: { choose: [web-defaults, site-defaults] }",
                "old: { choose: [web-settings, site-settings], differs: [name, nme] }\n    third: { choose: [web-settings, site-settings], differs: [name, old] }",
            ),
            ("**{{ old }}**", "**{{ old }}** {{ third }}"),
        ],
    ),
    case(
        "parameter with nothing to draw",
        &[
            ("workers: { from: 2, to: 8 }", "workers: { from: 8, to: 2 }"),
            ("name: { choose: [web-settings, site-settings] }", "name: { choose: [] }"),
        ],
    ),
    case(
        "fields of a deployment",
        &[(
            OBJECT,
            "      object:\n        apiVersion: apps/v1\n        kind: Deployment\n        metadata: { name: keep-me, namespace: \"{{ ns }}\" }\n        spec:\n          replica: 3\n          replicas: three\n          selector: { matchExpressions: [{ key: app, operator: Inn, values: [x] }] }\n          template:\n            spec:\n              containers:\n                - name: keep-me\n                  imag: nginx\n                  resources: { limits: { memory: 1 gig } }\n",
        )],
    ),
    case(
        "kinds and resources that do not exist",
        &[(
            OBJECT,
            "      object: { apiVersion: v1, kind: Deployment, metadata: { name: keep-me } }\n    - name: One\n      guard: true\n      can: { as: jane, verb: creat, resource: deployments, namespace: default }\n    - name: Two\n      guard: true\n      count: { apiVersion: v1, kind: Pdo, labels: { app: \"a b\" }, atLeast: 1 }\n",
        )],
    ),
    case(
        "expressions",
        &[(
            OBJECT,
            "      cel: { objects: { web: { apiVersion: v1, kind: ConfigMap, name: keep-me }, spare: { apiVersion: v1, kind: Pod } }, expr: wbe.data.color == \"blue\" }\n    - name: Two\n      guard: true\n      cel: { objects: { web: { apiVersion: v1, kind: ConfigMap, name: keep-me } }, expr: \"web.data.color ==\", message: m }\n    - name: Three\n      guard: true\n      cel: { objects: { web: { apiVersion: v1, kind: ConfigMap, name: keep-me }, spare: { apiVersion: v1, kind: Pod } }, expr: size(web), message: m }\n",
        )],
    ),
    case(
        "name the learner was never told",
        &[("        metadata: { name: \"{{ name }}\", namespace", "        metadata: { name: hello, namespace")],
    ),
    case(
        "answers that anything passes",
        &[(
            OBJECT,
            "      answerFile: { path: keep-me, contains: \"\" }\n    - name: Two\n      guard: true\n      answerFile: { path: keep-me, matches: \"a*\" }\n    - name: Three\n      guard: true\n      answerFile: { path: keep-me, matches: \"(\" }\n    - name: Four\n      guard: true\n      answerFile: { path: keep-me }\n    - name: Five\n      guard: true\n      count: { apiVersion: v1, kind: Pod, atLeast: 0 }\n",
        )],
    ),
    case("title with a parameter", &[("title: Settings for a web server", "title: Settings in {{ ns }}")]),
    case("domain the pack does not have", &[("domain: basics", "domain: basic")]),
    case("number in a field of text", &[("{{ workers | string }}", "{{ workers }}")]),
    case("another format version", &[("apiVersion: kubedrill/v1alpha1", "apiVersion: kubedrill/v2")]),
    case("name with capitals", &[("  name: first-task", "  name: First_Task")]),
    case("name that is not the folder's", &[("  name: first-task", "  name: second-task")]),
    case(
        "patch and page that are wrong",
        &[
            (
                "    - apply: setup/before.yaml",
                "    - apply: setup/before.yaml\n    - patch: { apiVersion: v1, kind: ConfigMap, name: keep-me, type: json, patch: { data: {} } }\n    - patch: { apiVersion: v1, kind: ConfigMap, name: keep-me, patch: { dat: {} } }\n    - delete: { apiVersion: v1, kind: ConfigMpa, name: keep-me }\n    - waitFor: { object: { apiVersion: v1, kind: Pod, metadata: { name: x }, status: { phse: Running } } }",
            ),
            ("- https://kubernetes", "- http://kubernetes"),
        ],
    ),
    Case { name: "no task", edits: &[("  task: |", "  notes: |")], files: &[] },
    Case { name: "two tasks", edits: &[], files: &[("first-task/task.md", Some("Do it in {{ ns }}.\n"))] },
    Case {
        name: "file that nothing uses",
        edits: &[],
        files: &[("first-task/setup/spare.yaml", Some("apiVersion: v1\n"))],
    },
    Case { name: "not a mapping", edits: &[], files: &[("first-task/scenario.yaml", Some("- a\n- b\n"))] },
    Case { name: "empty file", edits: &[], files: &[("first-task/scenario.yaml", Some("\n"))] },
    Case { name: "no pack file", edits: &[], files: &[("pack.yaml", None)] },
    Case {
        name: "manifests that are none",
        edits: &[(
            "    - apply: setup/before.yaml",
            "    - apply: setup/before.yaml\n    - apply: |\n        kind: Pod\n        metadata: {}\n    - apply: |\n        just: {{ ns }}: x\n        text\n    - apply: setup/empty.yaml",
        )],
        files: &[
            (
                "first-task/setup/before.yaml",
                Some(
                    "apiVersion: v1\nkind: Namespace\nmetadata: { nam: \"{{ ns }}\" }\n---\n- 1\n---\napiVersion: v1\nkind: Service\nmetadata: { name: keep-me }\nspec: { typ: NodePort }\n",
                ),
            ),
            ("first-task/setup/empty.yaml", Some("---\n")),
        ],
    },
    Case {
        name: "two scenarios of the same name",
        edits: &[],
        files: &[(
            "other/scenario.yaml",
            Some(
                "apiVersion: kubedrill/v1alpha1\nkind: Scenario\nmetadata: { name: first-task }\nspec:\n  title: Bare\n  domain: basics\n  difficulty: easy\n  minutes: 1\n  task: \"\"\n  checks: []\n",
            ),
        )],
    },
    Case {
        name: "pack file with faults",
        edits: &[],
        files: &[(
            "pack.yaml",
            Some(
                "apiVersion: kubedrill/v1alpha1\nkind: Pack\nmetadata: { name: My Pack }\nspec:\n  title: Mine\n  version: 1\n  domains:\n    - { id: basics, title: Basics, weight: 60 }\n    - { id: basics, title: More, weight: 60 }\n  exams:\n    - { name: mock, title: Mock, minutes: 0, pass: 166, tasks: { basic: 1 } }\n    - { name: mock, title: Mock, minutes: 9, pass: 66, tasks: [first-tsk] }\n    - { name: Third, title: Mock, minutes: 9, pass: 66, tasks: 0 }\n",
            ),
        )],
    },
];

/// The files of the pack of a case.
fn files(case: &Case) -> Vec<(String, String)> {
    let mut files: Vec<(String, String)> =
        scaffold::pack("sample").into_iter().map(|file| (file.path, file.text)).collect();
    for (path, text) in &mut files {
        if path == "first-task/scenario.yaml" {
            for (from, to) in case.edits {
                assert!(text.contains(from), "{}: there is no {from:?} to change", case.name);
                *text = text.replacen(from, to, 1);
            }
        }
    }
    for (path, text) in case.files {
        files.retain(|(known, _)| known != path);
        files.extend(text.map(|text| ((*path).to_owned(), text.to_owned())));
    }
    files
}

fn lint_case(case: &Case) -> Vec<Problem> {
    let files = files(case);
    lint(Folder::of_texts("sample", files.iter().map(|(path, text)| (path.as_str(), text.as_str()))))
}

#[test]
fn every_fault_is_told_with_its_place() {
    for case in CASES {
        let problems = lint_case(case);
        assert!(!problems.is_empty(), "{}: nothing was found", case.name);
        insta::with_settings!({ snapshot_path => "../packs", prepend_module_to_snapshot => false, omit_expression => true }, {
            insta::assert_snapshot!(case.name.replace(' ', "-"), problem::render(&problems, false));
        });
    }
}

#[test]
fn what_lint_calls_an_error_about_one_variant_keeps_it_from_being_drawn() {
    for name in ["typo in a field", "template that loops for ever", "path that climbs out", "not YAML"] {
        let case = CASES.iter().find(|case| case.name == name).unwrap();
        let files = files(case);
        let folder = Folder::of_texts("sample", files.iter().map(|(path, text)| (path.as_str(), text.as_str())));
        let drawn = Pack::of_folder(folder).and_then(|pack| pack.scenario(scaffold::FIRST).unwrap().variant(Seed(1)));
        let error = drawn.err().unwrap_or_else(|| panic!("{name} was drawn"));
        assert!(error.to_string().starts_with("sample/first-task/scenario.yaml:"), "{error}");
    }
}

#[test]
fn every_code_has_a_sample_and_a_line_in_the_documentation() {
    let mut seen: BTreeSet<&str> = CASES.iter().flat_map(lint_case).map(|problem| problem.code).collect();
    // These come from the disk and from the command line, and have tests of their own.
    seen.extend(["too-big", "unreadable", "not-found"]);
    let known: BTreeSet<&str> = CODES.iter().map(|(code, _)| *code).collect();
    assert_eq!(known.difference(&seen).collect::<Vec<_>>(), Vec::<&&str>::new(), "codes without a sample");
    let documentation = include_str!("../../docs/pack-format.md");
    for (code, _) in CODES {
        assert!(documentation.contains(&format!("`{code}`")), "docs/pack-format.md does not name {code}");
    }
}

fn write(folder: &Path, files: &[(String, String)]) {
    for (path, text) in files {
        let path = folder.join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
}

#[test]
fn links_big_files_and_bytes_that_are_no_text_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let more = &[(
        "    - apply: setup/before.yaml",
        "    - apply: setup/link.yaml\n    - apply: setup/big.yaml\n    - apply: setup/bytes.yaml\n    - apply: out/passwd\n    - apply: setup/before.yaml",
    )];
    write(folder.path(), &files(&Case { name: "", edits: more, files: &[] }));
    let task = folder.path().join("first-task");
    std::os::unix::fs::symlink("/etc/passwd", task.join("setup/link.yaml")).unwrap();
    std::os::unix::fs::symlink("/etc", task.join("out")).unwrap();
    std::fs::write(task.join("setup/big.yaml"), vec![b'#'; 600 * 1024]).unwrap();
    std::fs::write(task.join("setup/bytes.yaml"), b"a: \xff\xfe").unwrap();
    let problems = lint(Folder::read(folder.path()).unwrap());
    let told: Vec<String> = problems.iter().map(|problem| format!("{} {}", problem.code, problem.message)).collect();
    insta::assert_snapshot!(told.join("\n"), @r"
    path-outside `setup/link.yaml` cannot be used: it is a symbolic link, and a pack must not reach outside of its folder
    path-outside `setup/big.yaml` cannot be used: it is larger than 512 KiB
    path-outside `setup/bytes.yaml` cannot be used: it is not UTF-8 text
    path-outside `out/passwd` cannot be used: it is a symbolic link, and a pack must not reach outside of its folder
    ");
}

#[test]
fn a_folder_that_is_none_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("nothing");
    let message = |path: &Path| Pack::open(path).unwrap_err().problems[0].message.clone();
    assert_eq!(message(&path), "there is no such folder");
    std::fs::write(&path, "").unwrap();
    assert_eq!(message(&path), "this is a file; a pack is a folder with a pack.yaml");
    std::fs::remove_file(&path).unwrap();
    std::fs::create_dir(&path).unwrap();
    assert_eq!(message(&path), "there is no pack.yaml here");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn nothing_a_stranger_writes_makes_lint_panic(edits in proptest::collection::vec((0.0..1.0f64, 0..6usize, "[a-z:{}%|é漢\\[\\]\"'&*!#\\- \\n\\t]{0,6}"), 1..4)) {
        let mut files = files(&case("", &[]));
        let text = &mut files.iter_mut().find(|(path, _)| path == "first-task/scenario.yaml").unwrap().1;
        for (place, cut, new) in &edits {
            let places: Vec<usize> = text.char_indices().map(|(at, _)| at).collect();
            let start = (*place * places.len() as f64) as usize;
            let end = (start + cut).min(places.len() - 1);
            text.replace_range(places[start]..places[end.max(start)], new);
        }
        let problems = lint(Folder::of_texts("sample", files.iter().map(|(path, text)| (path.as_str(), text.as_str()))));
        problem::render(&problems, true);
        serde_json::to_string(&problems).unwrap();
    }
}
