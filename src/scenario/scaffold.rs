//! What `pack new` writes: a pack with one scenario that works, for an author to change.
//! The texts stand in `assets/scaffold`; writing them to the disk is the caller's.

/// A file to write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewFile {
    /// Where, relative to the folder of the pack.
    pub path: String,
    /// What.
    pub text: String,
}

/// The name of a new pack's first scenario.
pub const FIRST: &str = "first-task";

const PACK: &str = include_str!("../../assets/scaffold/pack.yaml");

const SCENARIO: &[(&str, &str)] = &[
    ("scenario.yaml", include_str!("../../assets/scaffold/first-task/scenario.yaml")),
    ("setup/before.yaml", include_str!("../../assets/scaffold/first-task/setup/before.yaml")),
    ("solution/configmap.yaml", include_str!("../../assets/scaffold/first-task/solution/configmap.yaml")),
];

/// The files of a new pack with one scenario. `name` is one that `load::is_name` takes.
pub fn pack(name: &str) -> Vec<NewFile> {
    let head = NewFile { path: "pack.yaml".to_owned(), text: PACK.replace("PACK-NAME", name) };
    std::iter::once(head).chain(scenario(FIRST, "basics")).collect()
}

/// The files of a new scenario in a pack that is there. `name` is one that `load::is_name` takes, `domain` one of the pack's.
pub fn scenario(name: &str, domain: &str) -> Vec<NewFile> {
    let fill = |text: &str| text.replace("SCENARIO-NAME", name).replace("DOMAIN-ID", domain);
    let file = |(path, text): &(&str, &str)| NewFile { path: format!("{name}/{path}"), text: fill(text) };
    SCENARIO.iter().map(file).collect()
}
