//! Bad input of every kind: each ends in one message that says what, why and what next, with the exit code that says whose fault it is.
//! What lint says about a pack, word for word, stands in `packs_broken`; here is what a user of the program meets.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, Mutex};

use kubedrill::app::error::Kind;
use kubedrill::app::ledger::Ledger;
use kubedrill::base::clock::Clock;
use kubedrill::base::seed::Seed;
use kubedrill::base::topology::Topology;
use kubedrill::cluster::context::Foreign;
use kubedrill::cluster::{Cluster, Objects, Origin, Wish};
use kubedrill::exam::plan;
use kubedrill::grading::report::Verdict;
use kubedrill::grading::{Grader, Patience, grade};
use kubedrill::lab::Lab;
use kubedrill::scenario::folder::Folder;
use kubedrill::scenario::{Pack, Variant, scaffold};

use crate::commands::Place;

/// The pack that `pack new` makes, with some words of its scenario changed, on the disk.
fn pack(place: &Place, edits: &[(&str, &str)]) -> PathBuf {
    let folder = place.home.path().join("sample");
    let _ = std::fs::remove_dir_all(&folder);
    for file in scaffold::pack("sample") {
        let path = folder.join(&file.path);
        let mut text = file.text;
        if file.path == "first-task/scenario.yaml" {
            for (from, to) in edits {
                assert!(text.contains(from), "there is no {from:?} to change");
                text = text.replacen(from, to, 1);
            }
        }
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    folder
}

/// A fault of a pack: words changed, and what is said about it.
struct Fault {
    edits: &'static [(&'static str, &'static str)],
    said: &'static str,
    /// Whether nothing can be drawn, so that the task cannot even be started.
    fatal: bool,
}

const FAULTS: &[Fault] = &[
    Fault { edits: &[("  minutes: 4", "  minuets: 4")], said: "there is no field `minuets` here", fatal: true },
    Fault { edits: &[("      guard: true", "      gaurd: true")], said: "there is no field `gaurd` here", fatal: true },
    Fault {
        edits: &[(
            "name: The old ConfigMap is gone\n      points",
            "name: The ConfigMap has the number of workers\n      points",
        )],
        said: "two checks are called `The ConfigMap has the number of workers`",
        fatal: false,
    },
    Fault {
        edits: &[("In the namespace **{{ ns }}**", "In the namespace **{{ space }}**")],
        said: "`space` is used here, and `params` declares no such thing",
        fatal: true,
    },
    Fault { edits: &[("data: { workers", "dta: { workers")], said: "a ConfigMap has no field `dta`", fatal: false },
    Fault { edits: &[("points: 2", "points: 0")], said: "is worth nothing", fatal: false },
    Fault { edits: &[("  solutions: #", "  notes: #")], said: "there is no field `notes` here", fatal: true },
    Fault {
        edits: &[("title: Settings for", "title: [Settings for")],
        said: "this is not YAML that can be read",
        fatal: true,
    },
    Fault {
        edits: &[(
            "In the namespace",
            "{% for a in range(100000) %}{% for b in range(100000) %}x{% endfor %}{% endfor %}In",
        )],
        said: "this template does too much: it loops for ever, or nearly so",
        fatal: true,
    },
    Fault {
        edits: &[("apply: setup/before.yaml", "apply: ../../../../etc/passwd")],
        said: "climbs out with `..`, and a pack must not reach outside of its folder",
        fatal: true,
    },
];

#[test]
fn a_pack_with_a_fault_is_refused_with_file_line_and_column() {
    let place = Place::new();
    for fault in FAULTS {
        let folder = pack(&place, fault.edits);
        let folder = folder.to_str().unwrap();
        let linted = place.prints(4, &["pack", "lint", folder]);
        assert!(linted.contains(fault.said) && linted.contains("first-task/scenario.yaml:"), "{linted}");
        for args in [&["pack", "verify", folder][..], &["pack", "install", folder]] {
            let said = refused_once(&place, args);
            assert!(said.contains(fault.said), "{args:?}: {said}");
        }
        if fault.fatal {
            let said = refused_once(&place, &["start", &format!("{folder}/first-task"), "--headless"]);
            assert!(said.contains(fault.said), "{said}");
        }
    }
}

/// One message, whatever many faults it tells, and exit code 4.
fn refused_once(place: &Place, args: &[&str]) -> String {
    let ended = place.run(args);
    let err = String::from_utf8(ended.stderr).unwrap();
    assert_eq!(ended.status.code(), Some(4), "{args:?}: {err}");
    assert!(err.starts_with("error: ") && err.contains("\nhint: "), "{err}");
    assert!(ended.stdout.is_empty(), "{}", String::from_utf8_lossy(&ended.stdout));
    err
}

#[test]
fn a_pack_without_a_solution_or_with_a_name_twice_is_refused() {
    let place = Place::new();
    let folder = pack(&place, &[]);
    let file = folder.join("first-task/scenario.yaml");
    let text = std::fs::read_to_string(&file).unwrap();
    let (head, rest) = text.split_once("  solutions:").unwrap();
    let rest = &rest[rest.find("  wrong:").unwrap()..];
    std::fs::write(&file, format!("{head}{rest}")).unwrap();
    assert!(refused_once(&place, &["pack", "verify", folder.to_str().unwrap()]).contains("there is no solution"));
    std::fs::write(&file, &text).unwrap();
    std::fs::create_dir_all(folder.join("other/setup")).unwrap();
    std::fs::write(folder.join("other/scenario.yaml"), &text).unwrap();
    std::fs::copy(folder.join("first-task/setup/before.yaml"), folder.join("other/setup/before.yaml")).unwrap();
    let said = place.prints(4, &["pack", "lint", folder.to_str().unwrap()]);
    assert!(said.contains("first-task"), "{said}");
}

#[test]
fn a_port_that_is_taken_is_told() {
    let place = Place::new();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    assert!(place.refused(3, &["cluster", "up", "--port", &port]).contains(&port));
    assert!(place.refused(3, &["cluster", "up", "--detach", "--port", &port]).contains(&port));
}

#[test]
fn without_kubectl_nothing_starts_and_the_message_says_how_to_get_it() {
    let place = Place::new();
    let mut command = place.command(&["start", "rbac-serviceaccount", "--headless"]);
    let refused = place.refusal(3, command.env("PATH", place.home.path()));
    assert!(refused.contains("no kubectl is on the PATH") && refused.contains("https://kubernetes.io/"), "{refused}");
    let doctor = place.command(&["doctor", "-o", "json"]).env("PATH", place.home.path()).output().unwrap();
    assert_eq!(doctor.status.code(), Some(3), "nothing works without kubectl");
}

/// Where nothing can be written: the device that is always full stands in the way of the journal.
#[test]
#[cfg(target_os = "linux")]
fn a_full_disk_is_told_with_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    std::os::unix::fs::symlink("/dev/full", folder.path().join("journal.jsonl")).unwrap();
    let plan = plan::Plan {
        kind: plan::Kind::Practice,
        seed: Seed(1),
        pack: "sample".to_owned(),
        cluster: Origin::Embedded.to_string(),
        tasks: Vec::new(),
    };
    let error = Ledger::begin(folder.path(), plan, Clock::system()).err().unwrap();
    assert_eq!(error.kind, Kind::Environment);
    assert!(error.why.contains("No space left on device"), "{error}");
    assert!(error.hint.starts_with("free some space on the disk"), "{}", error.hint);
}

/// The same to the whole program, on a disk of its own that is full, where this user may make one.
#[test]
#[cfg(target_os = "linux")]
fn on_a_full_disk_a_start_is_refused_in_one_message() {
    let place = Place::new();
    let full = place.home.path().join("full");
    std::fs::create_dir(&full).unwrap();
    let script = "mount -t tmpfs -o size=64k full \"$1\" && { head -c 200000 /dev/zero >\"$1/much\" 2>/dev/null || true; } && \
                  KUBEDRILL_HOME=\"$1\" exec \"$2\" start rbac-serviceaccount --headless";
    let mut command = std::process::Command::new("unshare");
    command.args(["--user", "--map-root-user", "--mount", "sh", "-c", script, "sh"]);
    command.arg(&full).arg(env!("CARGO_BIN_EXE_kubedrill")).env_remove("KUBECONFIG");
    let probe = std::process::Command::new("unshare").args(["--user", "--map-root-user", "--mount", "true"]).status();
    if !probe.is_ok_and(|ended| ended.success()) {
        eprintln!("this user may make no namespaces; the test of the journal says the same");
        return;
    }
    let said = place.refusal(3, &mut command);
    assert!(said.contains("No space left on device") && said.contains("free some space on the disk"), "{said}");
}

/// What stands between a client and a server, and can be cut.
struct Wire {
    port: u16,
    open: Arc<Mutex<Option<Vec<TcpStream>>>>,
    /// How many who come next are turned away.
    away: Arc<AtomicUsize>,
}

impl Wire {
    fn to(server: String) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let open: Arc<Mutex<Option<Vec<TcpStream>>>> = Arc::new(Mutex::new(Some(Vec::new())));
        let away = Arc::new(AtomicUsize::new(0));
        let (kept, turned) = (open.clone(), away.clone());
        std::thread::spawn(move || {
            for client in listener.incoming() {
                let Ok(client) = client else { return };
                if turned.fetch_update(Relaxed, Relaxed, |left| left.checked_sub(1)).is_ok() {
                    continue;
                }
                let mut kept = kept.lock().unwrap();
                let Some(streams) = kept.as_mut() else { return };
                let Ok(behind) = TcpStream::connect(&server) else { continue };
                for (mut from, mut to) in
                    [(client.try_clone(), behind.try_clone()), (behind.try_clone(), client.try_clone())]
                        .map(|(from, to)| (from.unwrap(), to.unwrap()))
                {
                    std::thread::spawn(move || {
                        let mut bytes = [0; 16 * 1024];
                        while let Ok(read @ 1..) = from.read(&mut bytes) {
                            if to.write_all(&bytes[..read]).is_err() {
                                break;
                            }
                        }
                        let _ = to.shutdown(Shutdown::Both);
                    });
                }
                streams.extend([client, behind]);
            }
        });
        Self { port, open, away }
    }

    /// Whoever is through is cut off, and the next few do not get through.
    fn tear(&self) {
        self.away.store(3, Relaxed);
        for stream in self.open.lock().unwrap().iter_mut().flat_map(|streams| streams.drain(..)) {
            let _ = stream.shutdown(Shutdown::Both);
        }
    }

    /// From now on nobody gets through: the server is down.
    fn cut(&self) {
        for stream in self.open.lock().unwrap().take().into_iter().flatten() {
            let _ = stream.shutdown(Shutdown::Both);
        }
        // Wakes the listener, so that it sees that it is over.
        let _ = TcpStream::connect(("127.0.0.1", self.port));
    }

    /// A kubeconfig that leads through here.
    fn kubeconfig(&self, of: &Path) -> String {
        let text = std::fs::read_to_string(of).unwrap();
        let server = text.lines().find_map(|line| line.trim().strip_prefix("server:")).unwrap().trim().to_owned();
        text.replace(&server, &format!("https://127.0.0.1:{}", self.port))
    }
}

fn address(kubeconfig: &Path) -> String {
    let text = std::fs::read_to_string(kubeconfig).unwrap();
    let server = text.lines().find_map(|line| line.trim().strip_prefix("server:")).unwrap();
    server.trim().trim_matches('"').trim_start_matches("https://").to_owned()
}

/// A task on a cluster behind a wire; its first check may wait.
struct Behind {
    below: Arc<dyn Cluster>,
    wire: Wire,
    grader: Grader,
    variant: Variant,
}

impl Behind {
    async fn a_wire(folder: &Path) -> Self {
        let wish = Wish {
            name: "below".to_owned(),
            dir: folder.join("below"),
            topology: Topology::workers(1),
            port: 0,
            keep: false,
            clock: Clock::system(),
        };
        let below = kubedrill::cluster::open(&Origin::Embedded, &wish).await.unwrap();
        let wire = Wire::to(address(below.kubeconfig()));
        let through = wire.kubeconfig(below.kubeconfig());
        let kubeconfig = kube::config::Kubeconfig::from_yaml(&through).unwrap();
        let server = format!("127.0.0.1:{}", wire.port);
        let foreign = Foreign::reach("wire".to_owned(), kubeconfig, &server, folder.join("kc"), Clock::system());
        let foreign = foreign.await.unwrap();

        let texts = scaffold::pack("sample").into_iter().map(|file| {
            let waits = "name: The ConfigMap has the number of workers\n      within: 60s";
            let stays = "object:\n        apiVersion: v1\n        kind: ConfigMap\n        metadata: { name: keep-me, namespace: \"{{ ns }}\" }";
            // Of the very object that the first looks at, and so by the same answer: when this has its verdict, the first does wait.
            let always =
                "absent: { apiVersion: v1, kind: ConfigMap, name: \"{{ name }}\", namespace: \"{{ ns }}\" }";
            let text = file.text.replacen("name: The ConfigMap has the number of workers", waits, 1);
            (file.path, text.replacen(stays, always, 1))
        });
        let texts: Vec<(String, String)> = texts.collect();
        let pack = Folder::of_texts("sample", texts.iter().map(|(path, text)| (path.as_str(), text.as_str())));
        let variant = Pack::of_folder(pack).unwrap().scenario(scaffold::FIRST).unwrap().variant(Seed(1)).unwrap();
        let grader = Grader {
            objects: Arc::new(Objects::of(&foreign)),
            clock: Clock::system(),
            answers: folder.to_owned(),
            patience: Patience::default(),
        };
        Self { below, wire, grader, variant }
    }
}

/// The server stops after a check has its verdict, while another still waits: that one is broken, and not failed.
#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_stops_in_the_middle_of_grading_breaks_what_it_still_had_to_say() {
    let folder = tempfile::tempdir().unwrap();
    let Behind { below, wire, grader, variant } = Behind::a_wire(folder.path()).await;
    let mut settled = Vec::new();
    let report = grade(&grader, &variant, |check, outcome| {
        settled.push((check, outcome.verdict.clone()));
        if settled.len() == 1 {
            wire.cut();
        }
    })
    .await;
    assert!(matches!(report.results[0].verdict, Verdict::Broken { .. }), "{report:?}");
    assert_eq!(report.results[2].verdict, Verdict::Pass, "what was seen before counts: {report:?}");
    assert!(report.ungraded.as_ref().is_some_and(|why| why.contains("could not be checked")), "{report:?}");
    assert!(report.results.iter().all(|result| result.earned >= 0), "nothing is taken away: {report:?}");
    below.close().await.unwrap();
}

/// The wire is torn while a check waits, and what it waits for comes about: it counts, as a moment's silence is no end.
#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_silent_for_a_moment_is_asked_again() {
    let folder = tempfile::tempdir().unwrap();
    let Behind { below, wire, grader, variant } = Behind::a_wire(folder.path()).await;
    let torn = tokio::sync::Notify::new();
    let answered = async {
        torn.notified().await;
        let lab = Lab::lay(variant.clone(), below.clone(), &folder.path().join("lab")).await.unwrap();
        lab.answer(&variant.solutions[0].steps).await.unwrap();
    };
    let mut settled = 0;
    let graded = grade(&grader, &variant, |_, _| {
        settled += 1;
        if settled == 1 {
            wire.tear();
            torn.notify_one();
        }
    });
    let (report, ()) = tokio::join!(graded, answered);
    assert_eq!(report.results[0].verdict, Verdict::Pass, "{report:?}");
    below.close().await.unwrap();
}

#[test]
fn a_server_that_is_down_leaves_a_task_ungraded_with_an_exit_code_of_its_own() {
    let place = Place::new();
    let below = place.home.path().join("below");
    place.prints(0, &["cluster", "up", "--detach", "--nodes", "1", "--kubeconfig", below.to_str().unwrap()]);
    let wire = Wire::to(address(&below));
    let through = place.home.path().join("through");
    std::fs::write(&through, wire.kubeconfig(&below)).unwrap();
    let contexts = std::fs::read_to_string(&through).unwrap();
    let context = contexts.lines().find_map(|line| line.strip_prefix("current-context:")).unwrap().trim();
    let start = ["start", "rbac-serviceaccount", "--headless", "--yes", "--cluster", &format!("context:{context}")];
    let started = place.command(&start).env("KUBECONFIG", &through).output().unwrap();
    assert!(started.status.success(), "{started:?}");
    wire.cut();
    let report = place.json(3, &["grade", "-o", "json"]);
    assert!(report["ungraded"].as_str().is_some_and(|why| why.contains("there is no answer")), "{report}");
    assert!(report["results"].as_array().unwrap().iter().all(|result| result["verdict"] == "broken"), "{report}");
    let told = place.prints(3, &["grade"]);
    assert!(told.contains("BROKEN") && told.contains("not graded: "), "{told}");
    assert!(!told.contains("FAILED"), "{told}");
}
