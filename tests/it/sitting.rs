//! Exams driven without a screen: killed in the middle and gone on with, handed in, written into the history.
//! What an exam is, `exam.rs` tells; here it has labs and files.

use std::sync::Arc;

use kubedrill::app::Origin;
use kubedrill::app::driver::{Driver, Nobody};
use kubedrill::app::home::Home;
use kubedrill::app::ledger;
use kubedrill::base::clock::Clock;
use kubedrill::base::dirs::Dirs;
use kubedrill::base::seed::Seed;
use kubedrill::base::topology::Topology;
use kubedrill::cluster::Wish;
use kubedrill::exam::event::Command;
use kubedrill::grading::{Grader, Patience, grade};
use kubedrill::lab::Lab;
use kubedrill::scenario::folder::Folder;
use kubedrill::scenario::{Catalogue, Pack, scaffold};

fn home(at: &std::path::Path) -> Home {
    let dirs = Dirs::under(at.to_owned());
    let catalogue = Catalogue::of_user(&dirs).unwrap().into();
    Home { dirs, catalogue, clock: Clock::system(), workshop: None, exam_seed: None }
}

async fn kubectl(driver: &Driver, task: usize, args: &[&str]) -> String {
    let kubeconfig = driver.kubeconfig(task).await.unwrap();
    let ended =
        tokio::process::Command::new("kubectl").args(args).env("KUBECONFIG", kubeconfig).output().await.unwrap();
    assert!(ended.status.success(), "{ended:?}");
    String::from_utf8(ended.stdout).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_exam_that_was_killed_comes_back_as_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let home = home(folder.path());
    let driver = home.sit(None, Some(Seed(5)), &Origin::Embedded).unwrap();
    let dir = driver.dir().to_owned();
    let before = driver.see(|session| (session.plan().clone(), session.deadline()));
    driver.run(Command::Open(1), &Nobody).await.unwrap();
    driver.run(Command::Flag { task: 1, on: true }, &Nobody).await.unwrap();
    driver.run(Command::Note { task: 1, text: "look again".to_owned() }, &Nobody).await.unwrap();
    kubectl(&driver, 1, &["create", "namespace", "by-the-learner"]).await;
    std::fs::write(driver.work(1).await.unwrap().join("answer.txt"), "mine").unwrap();
    assert!(home.sit(None, None, &Origin::Embedded).is_err(), "no second exam beside it");
    assert!(matches!(ledger::lock(&dir), Ok(None)), "no other process may drive it");
    // A kill lets go of everything and says nothing.
    driver.rest().await;
    drop(driver);
    let journal = dir.join("journal.jsonl");
    let torn = [std::fs::read(&journal).unwrap(), b"{\"v\":1,\"at".to_vec()].concat();
    std::fs::write(&journal, torn).unwrap();

    let found = home.under_way();
    assert_eq!(found.len(), 1);
    let (driver, due) = Driver::resume(&home, &found[0].dir).unwrap();
    driver.perform(due, &Nobody).await.unwrap();
    assert_eq!(driver.see(|session| (session.plan().clone(), session.deadline())), before, "same tasks, same clock");
    let (flagged, note) = driver.see(|session| (session.tasks()[1].flagged, session.tasks()[1].note.clone()));
    assert!(flagged && note == "look again");
    assert!(kubectl(&driver, 1, &["get", "namespaces", "-o", "name"]).await.contains("by-the-learner"));
    assert_eq!(std::fs::read_to_string(driver.work(1).await.unwrap().join("answer.txt")).unwrap(), "mine");
    // The beginning is still to be had.
    driver.run(Command::Reset(1), &Nobody).await.unwrap();
    assert!(!kubectl(&driver, 1, &["get", "namespaces", "-o", "name"]).await.contains("by-the-learner"));

    let solution = driver.variant(1).unwrap().solutions[0].steps.clone();
    driver.answer(1, &solution).await.unwrap();
    driver.run(Command::Submit, &Nobody).await.unwrap();
    assert!(driver.see(|session| session.finished()));
    let results = driver.see(|session| session.results(Clock::system().now()));
    let task = &results.tasks[1];
    assert_eq!(task.earned, Some(task.out_of), "{task:?}");
    assert!(
        results.tasks.iter().enumerate().all(|(number, task)| number == 1 || task.earned == Some(0)),
        "{results:?}"
    );
    assert!(home.under_way().is_empty());
    assert_eq!(home.sittings().len(), 1);
    let history = kubedrill::app::records::read(&home.history()).unwrap();
    assert_eq!(history.attempts().len(), 1, "only what was opened is an attempt");
    assert!(!dir.join("task-2").exists(), "the labs are gone");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_exam_that_cannot_be_read_is_told_of_before_another_begins() {
    let folder = tempfile::tempdir().unwrap();
    let home = home(folder.path());
    let driver = home.sit(None, Some(Seed(5)), &Origin::Embedded).unwrap();
    let journal = driver.dir().join("journal.jsonl");
    driver.rest().await;
    drop(driver);
    let whole = std::fs::read(&journal).unwrap();
    std::fs::write(&journal, [b"no line of ours\n".to_vec(), whole.clone()].concat()).unwrap();
    let error = home.sit(None, None, &Origin::Embedded).err().unwrap();
    assert!(error.why.contains("journal.jsonl: line 1 cannot be read"), "{error:?}");
    // A kill in the middle of the first line left nothing to go on with.
    std::fs::write(&journal, &whole[..10]).unwrap();
    assert!(home.sit(None, None, &Origin::Embedded).is_ok());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_grading_asked_for_while_another_waits_looks_anew() {
    let folder = tempfile::tempdir().unwrap();
    let driver = Arc::new(home(folder.path()).practise("nodeport-service", Some(Seed(1)), &Origin::Embedded).unwrap());
    driver.run(Command::Open(0), &Nobody).await.unwrap();
    // One of its checks waits; those that do not have been looked at by then.
    let due = driver.command(Command::Grade(0)).unwrap();
    let first = tokio::spawn({
        let driver = driver.clone();
        async move { driver.perform(due, &Nobody).await }
    });
    let solution = driver.variant(0).unwrap().solutions[1].steps.clone();
    driver.answer(0, &solution).await.unwrap();
    driver.grade_now(0, &Nobody).await.unwrap();
    assert!(driver.see(|session| session.tasks()[0].report.clone()).unwrap().full_marks());
    first.await.unwrap().unwrap();
    driver.run(Command::Stop, &Nobody).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_practice_ended_when_it_was_killed() {
    let folder = tempfile::tempdir().unwrap();
    let monday: jiff::Timestamp = "2026-03-02T12:00:00Z".parse().unwrap();
    let at = |time| Home { clock: Clock::from_epoch(time, 1.0), ..home(folder.path()) };
    let driver = at(monday).practise("rbac-serviceaccount", Some(Seed(1)), &Origin::Embedded).unwrap();
    driver.run(Command::Open(0), &Nobody).await.unwrap();
    driver.run(Command::Grade(0), &Nobody).await.unwrap();
    driver.run(Command::Beat, &Nobody).await.unwrap();
    driver.rest().await;
    drop(driver);
    let later = at(monday + jiff::SignedDuration::from_hours(48));
    later.sweep();
    let history = kubedrill::app::records::read(&later.history()).unwrap();
    let [attempt] = history.attempts() else { panic!("{history:?}") };
    assert!(attempt.spent < 3600 && attempt.ended < monday + jiff::SignedDuration::from_hours(1), "{attempt:?}");
}

/// The pack that `pack new` makes: its second check comes after the first, which may take its time here.
#[tokio::test(flavor = "multi_thread")]
async fn a_check_looks_when_those_before_it_have_ended() {
    let folder = tempfile::tempdir().unwrap();
    let name = "name: The ConfigMap has the number of workers";
    let made = "kubectl -n {{ ns }} create configmap {{ name }} --from-literal=workers={{ workers }}\n";
    let gone = "        kubectl -n {{ ns }} delete configmap {{ old }}\n";
    let change = |text: &str| {
        let text = text.replacen(name, &format!("{name}\n      within: 60s"), 1);
        // What the first waits for comes last.
        text.replacen(&format!("{made}{gone}"), &format!("{}        {made}", gone.trim_start()), 1)
    };
    let texts: Vec<(String, String)> =
        scaffold::pack("sample").into_iter().map(|file| (file.path, change(&file.text))).collect();
    let pack = Folder::of_texts("sample", texts.iter().map(|(path, text)| (path.as_str(), text.as_str())));
    let variant = Pack::of_folder(pack).unwrap().scenario(scaffold::FIRST).unwrap().variant(Seed(1)).unwrap();
    let wish = Wish {
        name: "order".to_owned(),
        dir: folder.path().join("cluster"),
        topology: Topology::workers(1),
        port: 0,
        keep: false,
        clock: Clock::system(),
    };
    let cluster = kubedrill::cluster::open(&Origin::Embedded, &wish).await.unwrap();
    let lab = Lab::lay(variant.clone(), cluster.clone(), &folder.path().join("lab")).await.unwrap();
    let grader = Grader {
        objects: lab.objects.clone(),
        clock: cluster.clock(),
        answers: lab.work(),
        patience: Patience::default(),
    };
    let begun = tokio::sync::Notify::new();
    let answered = async {
        begun.notified().await;
        lab.answer(&variant.solutions[0].steps).await.unwrap();
    };
    let (report, ()) = tokio::join!(grade(&grader, &variant, |_, _| begun.notify_one()), answered);
    assert!(report.full_marks(), "{report:?}");
    cluster.close().await.unwrap();
}
