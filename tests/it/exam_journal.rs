//! The journal's text: every event survives it, and a kill in the middle of a line is told apart from damage.
//! What a session makes of the entries stands in `exam`.

use jiff::Timestamp;
use kubedrill::base::files::LineFile;
use kubedrill::base::seed::Seed;
use kubedrill::exam::event::{Entry, Event};
use kubedrill::exam::journal::{JournalError, read, write};
use kubedrill::exam::plan::{Kind, Plan};
use kubedrill::grading::report::{Finding, Outcome, Verdict, tally};
use serde_json::json;

fn entry(event: Event) -> Entry {
    Entry { at: "2026-01-02T03:04:05.678Z".parse::<Timestamp>().unwrap(), event }
}

fn every_event() -> Vec<Entry> {
    let plan = |kind| Plan {
        kind,
        seed: Seed(u64::MAX),
        pack: "cka".to_owned(),
        cluster: "context:prod".to_owned(),
        tasks: Vec::new(),
    };
    let verdict = Verdict::fail(Finding::at("spec.x", Some(json!(null)), Some(json!(1.5))));
    let outcome = Outcome { name: "x".to_owned(), points: 2, guard: true, after: vec!["y".to_owned()], verdict };
    let events = vec![
        Event::Started { plan: plan(Kind::Exam { exam: "mock".to_owned(), minutes: 120, pass: 66 }) },
        Event::Started { plan: plan(Kind::Practice) },
        Event::Resumed,
        Event::Paused,
        Event::TaskOpened { task: 1 },
        Event::TaskLeft { task: 1 },
        Event::Flagged { task: 1, on: true },
        Event::NoteWritten { task: 1, text: "two\nlines, \"quotes\" and ünï".to_owned() },
        Event::HintTaken { task: 1, number: 2 },
        Event::SolutionShown { task: 1 },
        Event::TaskReset { task: 1 },
        Event::GradingAsked { task: 1 },
        Event::Graded { task: 1, report: tally("s", Seed(9), vec![outcome]) },
        Event::Submitted,
        Event::TimeUp,
        Event::Stopped,
        Event::Alive,
    ];
    events.into_iter().map(entry).collect()
}

#[test]
fn every_event_survives_the_journal() {
    let entries = every_event();
    let text: String = entries.iter().map(|entry| write(entry) + "\n").collect();
    assert_eq!(text.lines().count(), entries.len());
    let journal = read(text.as_bytes()).unwrap();
    assert_eq!(journal.entries, entries);
    assert!(journal.torn.is_empty());
}

#[test]
fn wherever_the_last_line_is_torn_the_lines_before_it_stand() {
    let whole = write(&entry(Event::Resumed)) + "\n";
    let last = write(&entry(Event::NoteWritten { task: 0, text: "ünï".to_owned() }));
    for cut in 1..last.len() {
        let bytes = [whole.as_bytes(), &last.as_bytes()[..cut]].concat();
        let journal = read(&bytes).unwrap();
        assert_eq!((journal.entries.len(), journal.torn), (1, vec![2]), "cut at {cut}");
    }
    let journal = read(format!("{whole}{last}").as_bytes()).unwrap();
    assert_eq!(journal.entries.len(), 2, "a line that lacks only its end is whole");
}

#[test]
fn a_torn_line_before_a_resume_is_forgiven_and_any_other_is_reported() {
    let [resumed, alive] = [Event::Resumed, Event::Alive].map(|event| write(&entry(event)));
    let torn = "{\"v\":1,\"at\"";
    let journal = read(format!("{alive}\n{torn}\n{torn}\n{resumed}\n{alive}\n").as_bytes()).unwrap();
    assert_eq!((journal.entries.len(), journal.torn), (3, vec![2, 3]));
    let damaged = read(format!("{alive}\n{torn}\n{alive}\n").as_bytes());
    assert!(matches!(damaged, Err(JournalError::Unreadable { line: 2, .. })), "{damaged:?}");
}

#[test]
fn a_journal_of_a_newer_release_is_not_taken_for_torn() {
    let newer = read(b"{\"v\":2,\"at\":\"2026-01-02T03:04:05Z\",\"event\":\"teleported\"}\n");
    assert_eq!(newer, Err(JournalError::TooNew { line: 1, version: 2 }));
}

#[test]
fn a_file_torn_by_a_kill_goes_on_through_a_line_file() -> std::io::Result<()> {
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("session.jsonl");
    let [alive, resumed] = [Event::Alive, Event::Resumed].map(|event| write(&entry(event)));
    std::fs::write(&path, format!("{alive}\n{}", &alive[..20]))?;
    LineFile::open(&path)?.append(&resumed)?;
    let journal = read(&std::fs::read(&path)?).unwrap();
    assert_eq!((journal.entries.len(), journal.torn), (2, vec![2]));
    Ok(())
}
