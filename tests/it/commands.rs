//! Sessions at the command line: the program itself is run, with a home of its own, and what it prints and returns is looked at.
//! What the commands do inside is tested where it is done.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;

/// A home of its own for the program.
pub struct Place {
    pub home: tempfile::TempDir,
}

impl Place {
    pub fn new() -> Self {
        Self { home: tempfile::tempdir().unwrap() }
    }

    pub fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_kubedrill"));
        command
            .args(args)
            .env("KUBEDRILL_HOME", self.home.path())
            .env_remove("KUBEDRILL_SESSION")
            .env_remove("KUBECONFIG");
        command.stdin(std::process::Stdio::null());
        command
    }

    pub fn run(&self, args: &[&str]) -> Output {
        self.command(args).output().unwrap()
    }

    /// What is printed by a command that ends with this code.
    pub fn prints(&self, code: i32, args: &[&str]) -> String {
        let ended = self.run(args);
        let (out, err) = (String::from_utf8_lossy(&ended.stdout), String::from_utf8_lossy(&ended.stderr));
        assert_eq!(ended.status.code(), Some(code), "{args:?} printed\n{out}\n{err}");
        out.into_owned()
    }

    pub fn json(&self, code: i32, args: &[&str]) -> Value {
        serde_json::from_str(&self.prints(code, args)).unwrap()
    }

    /// The one message of a command that is refused: an error and a hint, nothing else.
    pub fn refused(&self, code: i32, args: &[&str]) -> String {
        self.refusal(code, &mut self.command(args))
    }

    pub fn refusal(&self, code: i32, command: &mut Command) -> String {
        let ended = command.output().unwrap();
        let err = String::from_utf8(ended.stderr).unwrap();
        assert_eq!(ended.status.code(), Some(code), "{command:?}: {err}");
        assert_eq!(err.matches("error: ").count(), 1, "{err}");
        assert!(err.contains("\nhint: "), "{err}");
        assert!(ended.stdout.is_empty(), "{}", String::from_utf8_lossy(&ended.stdout));
        err
    }
}

impl Drop for Place {
    /// Whatever a failed test left running is ended.
    fn drop(&mut self) {
        let _ = self.run(&["stop"]);
        let _ = self.run(&["cluster", "down"]);
    }
}

fn earned(report: &Value) -> (u64, u64) {
    (report["earned"].as_u64().unwrap(), report["outOf"].as_u64().unwrap())
}

#[test]
fn a_task_is_started_solved_graded_and_stopped_by_commands() {
    let place = Place::new();
    let listed = place.json(0, &["list", "-o", "json"]);
    assert!(
        listed
            .as_array()
            .unwrap()
            .iter()
            .any(|offer| offer["id"] == "cka/rbac-serviceaccount" && offer["best"].is_null())
    );
    let status = place.json(0, &["start", "rbac-serviceaccount", "--seed", "3", "--headless", "-o", "json"]);
    assert_eq!(status["seed"], 3);
    let kubeconfig = PathBuf::from(status["kubeconfig"].as_str().unwrap());
    assert!(kubeconfig.starts_with(place.home.path()) && kubeconfig.is_file());
    assert!(Path::new(status["work"].as_str().unwrap()).is_dir());
    let shown = place.json(0, &["show", "rbac-serviceaccount", "--seed", "3", "-o", "json"]);
    assert_eq!(shown["task"], status["task"], "the same seed draws the same task");

    let untouched = place.json(1, &["grade", "-o", "json"]);
    assert_eq!(earned(&untouched).0, 0);
    assert!(place.prints(0, &["hint"]).starts_with("Hint 1 of "));
    assert!(place.prints(0, &["solve", "--apply"]).contains("kubectl"));
    let solved = place.json(0, &["grade", "rbac-serviceaccount", "-o", "json"]);
    assert_eq!(earned(&solved).0, earned(&solved).1);
    assert!(place.prints(0, &["grade", "-o", "junit"]).contains("failures=\"0\""));
    place.prints(0, &["reset"]);
    assert_eq!(earned(&place.json(1, &["grade", "-o", "json"])).0, 0, "after a reset nothing is earned");
    place.prints(0, &["stop"]);
    assert!(!kubeconfig.exists(), "nothing is left of the task");
    let history = place.json(0, &["history", "-o", "json"]);
    let attempt = &history["attempts"][0];
    assert_eq!(attempt["earned"], attempt["outOf"], "the best grading counts");
    assert_eq!((&attempt["hints"], &attempt["solutionShown"]), (&1.into(), &true.into()));
    assert!(place.refused(2, &["grade"]).contains("no task is open"));
}

#[test]
fn a_cluster_is_started_in_the_background_reset_and_ended() {
    let place = Place::new();
    let file = place.home.path().join("kubeconfig");
    let up = ["cluster", "up", "--detach", "--nodes", "2", "-o", "json", "--kubeconfig", file.to_str().unwrap()];
    let status = place.json(0, &up);
    let kubectl = |args: &[&str]| Command::new("kubectl").args(args).env("KUBECONFIG", &file).output().unwrap();
    let nodes = kubectl(&["get", "nodes", "-o", "name"]);
    assert_eq!(String::from_utf8_lossy(&nodes.stdout), "node/controlplane\nnode/node01\n", "{nodes:?}");
    assert!(place.refused(2, &["cluster", "up"]).contains("is up already"));
    assert!(kubectl(&["create", "namespace", "mine"]).status.success());
    place.prints(0, &["cluster", "reset"]);
    assert!(!kubectl(&["get", "namespace", "mine"]).status.success());
    assert_eq!(place.json(0, &["cluster", "list", "-o", "json"])[0]["server"], status["server"]);
    place.prints(0, &["cluster", "down"]);
    assert!(!file.exists());
    assert!(place.refused(2, &["cluster", "down"]).contains("no cluster called default is up"));
}

#[test]
fn what_cannot_be_is_told_in_one_message() {
    let place = Place::new();
    assert!(place.refused(2, &["show", "rbac-serviceacount"]).contains("did you mean `rbac-serviceaccount`?"));
    assert!(
        place
            .refused(2, &["start", "rbac-serviceaccount", "--headless", "--cluster", "moon"])
            .contains("is not known; it is embedded")
    );
    assert!(place.refused(2, &["start", "rbac-serviceaccount"]).contains("no terminal"));
    assert!(place.refused(2, &["exam", "nix"]).contains("there is no exam"));
    assert!(place.refused(2, &["list", "-o", "junit"]).contains("there is no such output"));
    assert!(place.refused(2, &[]).contains("no terminal"));
    assert!(place.refused(2, &["ssh", "node01"]).contains("no cluster is up"));
    assert!(place.refused(2, &["cluster", "up", "--kubernetes", "1.20"]).contains("there is no Kubernetes 1.20 here"));
    assert!(place.refused(4, &["list", "--pack", "/nowhere"]).contains("/nowhere"));
    let own = PathBuf::from(std::env::var_os("HOME").unwrap_or_default()).join(".kube/config");
    assert!(place.refused(2, &["cluster", "up", "--kubeconfig", own.to_str().unwrap()]).contains("never written"));
}

fn kubeconfig(place: &Place, context: &str, server: &str) -> PathBuf {
    let path = place.home.path().join("users-kubeconfig");
    let text = format!(
        "apiVersion: v1\nkind: Config\ncurrent-context: {context}\ncontexts: [{{name: {context}, context: {{cluster: c, user: u}}}}]\n\
         clusters: [{{name: c, cluster: {{server: \"{server}\"}}}}]\nusers: [{{name: u, user: {{token: abc}}}}]\n"
    );
    std::fs::write(&path, text).unwrap();
    path
}

#[test]
fn a_foreign_cluster_is_asked_about_and_production_refused() {
    let place = Place::new();
    let start = |context: &str, more: &[&str]| {
        let file = kubeconfig(&place, context, "https://127.0.0.1:1");
        let cluster = format!("context:{}", if more.contains(&"nowhere") { "nowhere" } else { context });
        let mut args = vec!["start", "rbac-serviceaccount", "--headless", "--cluster", &cluster];
        args.extend(more.iter().filter(|word| **word != "nowhere"));
        let mut command = place.command(&args);
        command.env("KUBECONFIG", file);
        let code = if more.contains(&"--yes") || more.contains(&"nowhere") { 3 } else { 2 };
        place.refusal(code, &mut command)
    };
    assert!(start("dev", &["nowhere"]).contains("has no context nowhere; it has dev"));
    assert!(start("dev", &[]).contains("nobody is there to be asked whether https://127.0.0.1:1 may be used"));
    assert!(start("eu-prod", &[]).contains("looks like production: it is called prod"));
    assert!(start("eu-prod", &["--even-production"]).contains("nobody is there to be asked"));
    assert!(start("dev", &["--yes"]).contains("cannot be reached"));
}

#[test]
fn a_killed_host_leaves_its_best_grading_in_the_history() {
    let place = Place::new();
    let status = place.json(0, &["start", "rbac-serviceaccount", "--seed", "3", "--headless", "-o", "json"]);
    place.prints(0, &["solve", "--apply"]);
    place.prints(0, &["grade"]);
    let pid = i32::try_from(status["pid"].as_i64().unwrap()).unwrap();
    rustix::process::kill_process(rustix::process::Pid::from_raw(pid).unwrap(), rustix::process::Signal::KILL).unwrap();
    // A signal is not yet an end: with that the system lets go of the session's lock.
    let session = std::fs::read_dir(place.home.path().join("state/sessions")).unwrap().next().unwrap().unwrap();
    let lock = std::fs::File::open(session.path().join("lock")).unwrap();
    lock.lock().unwrap();
    lock.unlock().unwrap();
    let again = place.json(0, &["start", "rbac-serviceaccount", "--headless", "-o", "json"]);
    assert_ne!(again["pid"], status["pid"]);
    assert_eq!(place.json(0, &["history", "-o", "json"])["attempts"].as_array().unwrap().len(), 1);
    place.prints(0, &["stop"]);
}
