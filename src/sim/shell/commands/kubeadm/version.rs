//! `kubeadm version`: that of the node's package, in the four forms.
//! Source: `cmd/kubeadm/app/cmd/version.go`.

use serde_json::json;

use super::{Done, Typed};

/// Runs it.
pub async fn run(typed: &mut Typed) -> Done {
    let flags = typed.flags(&[("output", 'o', true)])?;
    let version = typed.version()?;
    let minor = version.split('.').nth(1).unwrap_or_default();
    let (commit, date) = ("", "2026-04-15T00:00:00Z");
    let whole = json!({ "clientVersion": {
        "major": "1", "minor": minor, "gitVersion": version, "gitCommit": commit, "gitTreeState": "clean",
        "buildDate": date, "goVersion": "go1.25.8", "compiler": "gc", "platform": "linux/amd64",
    } });
    match flags.get("output") {
        None | Some("") => typed.say(format_args!(
            "kubeadm version: &version.Info{{Major:\"1\", Minor:\"{minor}\", EmulationMajor:\"\", EmulationMinor:\"\", MinCompatibilityMajor:\"\", MinCompatibilityMinor:\"\", GitVersion:\"{version}\", GitCommit:\"{commit}\", GitTreeState:\"clean\", BuildDate:\"{date}\", GoVersion:\"go1.25.8\", Compiler:\"gc\", Platform:\"linux/amd64\"}}"
        )),
        Some("short") => typed.say(version),
        Some("json") => typed.say(serde_json::to_string_pretty(&whole).unwrap_or_default()),
        Some("yaml") => typed.say(serde_yaml::to_string(&whole).unwrap_or_default()),
        Some(other) => return Err(format!("invalid output format: {other}")),
    }
    Ok(())
}
