//! Exams driven without a screen: killed in the middle and gone on with, handed in, written into the history.
//! What an exam is, `exam.rs` tells; here it has labs and files.

use kubedrill::app::Origin;
use kubedrill::app::driver::{Driver, Nobody};
use kubedrill::app::home::Home;
use kubedrill::app::ledger;
use kubedrill::base::clock::Clock;
use kubedrill::base::dirs::Dirs;
use kubedrill::base::seed::Seed;
use kubedrill::exam::event::Command;
use kubedrill::scenario::Catalogue;

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
