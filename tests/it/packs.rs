//! The packs inside the program: all load, all scenarios draw for several seeds, and the same seed draws the same.
//! Whether they grade rightly is proved by `pack verify`.

use kubedrill::base::dirs::Dirs;
use kubedrill::base::seed::Seed;
use kubedrill::scenario::folder::Folder;
use kubedrill::scenario::lint::lint;
use kubedrill::scenario::{
    Catalogue, CheckKind, NotFound, Pack, Severity, Step, catalogue, json_schema, problem, scaffold,
};

#[test]
fn every_scenario_inside_the_program_can_be_drawn() {
    let catalogue = Catalogue::embedded().unwrap_or_else(|error| panic!("{}", error.render(false)));
    assert!(catalogue.scenarios().count() > 0, "no scenario is inside the program");
    for scenario in catalogue.scenarios() {
        for seed in 1..=20 {
            let variant = scenario.variant(Seed(seed)).unwrap_or_else(|error| panic!("{}", error.render(false)));
            assert_eq!(variant.points(), scenario.points(), "{}", scenario.id());
            let again = scenario.variant(Seed(seed)).unwrap_or_else(|error| panic!("{}", error.render(false)));
            assert_eq!(format!("{variant:?}"), format!("{again:?}"));
        }
    }
}

#[test]
fn scenarios_are_found_by_id_and_by_name_and_slips_are_mended() {
    let catalogue = Catalogue::embedded().unwrap();
    assert_eq!(catalogue.find("cka/user-by-csr").unwrap().name, "user-by-csr");
    assert_eq!(catalogue.find("user-by-csr").unwrap().id(), "cka/user-by-csr");
    let near = |name: &str| match catalogue.find(name) {
        Err(NotFound::Scenario { near, .. }) => near,
        other => panic!("{other:?}"),
    };
    assert_eq!(near("user-by-crs").as_deref(), Some("user-by-csr"));
    assert_eq!(near("cka/user-by-scr").as_deref(), Some("cka/user-by-csr"));
    assert_eq!(near("something else entirely"), None);
}

#[test]
fn lint_finds_nothing_in_the_packs_inside_the_program() {
    for pack in Catalogue::embedded().unwrap().packs() {
        let problems = lint(pack.folder.clone());
        assert!(problems.is_empty(), "{}", problem::render(&problems, false));
    }
}

#[test]
fn a_new_pack_is_without_fault() {
    let files = scaffold::pack("sample");
    let texts = files.iter().map(|file| (file.path.as_str(), file.text.as_str()));
    let problems = lint(Folder::of_texts("sample", texts));
    assert!(problems.is_empty(), "{}", problem::render(&problems, false));
}

#[test]
fn a_seed_draws_the_same_variant_on_every_machine() {
    let files = scaffold::pack("sample");
    let pack = Pack::of_folder(Folder::of_texts("", files.iter().map(|file| (file.path.as_str(), file.text.as_str()))));
    let pack = pack.unwrap_or_else(|error| panic!("{}", error.render(false)));
    let variant = pack.scenario(scaffold::FIRST).unwrap().variant(Seed(42)).unwrap();
    insta::with_settings!({ snapshot_path => "../packs", prepend_module_to_snapshot => false, omit_expression => true }, {
        insta::assert_debug_snapshot!("variant", variant);
    });
}

#[test]
fn the_schema_describes_every_check_and_step() {
    let schema = json_schema::both();
    for (of, keys) in [("Check", CheckKind::KEYS), ("Step", Step::KEYS)] {
        for key in keys {
            let described = schema.pointer(&format!("/$defs/{of}/properties/{key}/description"));
            assert!(described.is_some_and(|text| text.is_string()), "{of} {key}");
        }
    }
    insta::with_settings!({ snapshot_path => "../packs", prepend_module_to_snapshot => false, omit_expression => true }, {
        insta::assert_json_snapshot!("schema", schema);
    });
}

/// The text of the documentation's examples of one sort, indented so that it can stand in a scenario.
fn examples(sort: &str) -> String {
    let documentation = include_str!("../../docs/pack-format.md");
    let open = format!("```yaml {sort}\n");
    let blocks = documentation.split(open.as_str()).skip(1).filter_map(|rest| rest.split("```").next());
    blocks.flat_map(str::lines).map(|line| format!("    {line}\n")).collect()
}

#[test]
fn the_examples_of_the_documentation_are_right() {
    for key in CheckKind::KEYS.iter().chain(Step::KEYS) {
        let all = ["check", "step", "answer"].map(examples).concat();
        assert!(all.contains(&format!("{key}:")), "docs/pack-format.md has no example of {key}");
    }
    let mut files = scaffold::pack("sample");
    let scenario = files.iter_mut().find(|file| file.path.ends_with("scenario.yaml")).unwrap();
    let (start, _) = scenario.text.split_once("  params:").unwrap();
    let sections = [
        (
            "params",
            "    name: { choose: [web-settings] }\n    old: { choose: [web-defaults] }\n".to_owned()
                + &examples("param"),
        ),
        ("setup", examples("step")),
        ("checks", examples("check")),
        ("solutions", examples("answer")),
    ];
    let sections: String = sections.iter().map(|(key, text)| format!("  {key}:\n{text}")).collect();
    let task = "{{ ns }} {{ other }} {{ workers }} {{ app.name }} {{ app.port }} {{ name }} {{ old }}";
    scenario.text = format!("{start}  requires: [network, node-shell]\n  task: '{task}'\n{sections}");
    let texts = files.iter().map(|file| (file.path.as_str(), file.text.as_str()));
    let problems = lint(Folder::of_texts("sample", texts));
    let errors: Vec<_> = problems.into_iter().filter(|problem| problem.severity == Severity::Error).collect();
    assert!(errors.is_empty(), "{}", problem::render(&errors, false));
}

#[test]
fn an_installed_pack_is_found_and_a_broken_one_is_told() {
    let home = tempfile::tempdir().unwrap();
    let dirs = Dirs::under(home.path().to_owned());
    let pack = |name: &str| {
        let files = scaffold::pack(name);
        Pack::of_folder(Folder::of_texts("", files.iter().map(|file| (file.path.as_str(), file.text.as_str()))))
            .unwrap()
    };
    for name in ["mine", "mine", "other"] {
        catalogue::install(&dirs, &pack(name)).unwrap();
    }
    std::fs::write(catalogue::install_path(&dirs, "other").join("pack.yaml"), "kind: Pack\n").unwrap();
    let catalogue = Catalogue::of_user(&dirs).unwrap();
    assert_eq!(catalogue.find("mine/first-task").unwrap().id(), "mine/first-task");
    assert!(catalogue.pack("other").is_none());
    assert_eq!(catalogue.broken().len(), 1);
    let left: Vec<_> = std::fs::read_dir(home.path().join("data/packs")).unwrap().collect();
    assert_eq!(left.len(), 2, "only the two packs are left behind: {left:?}");
}
