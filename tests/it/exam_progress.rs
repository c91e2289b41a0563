//! What history says: records on disk, standings, weak spots, and what to do next.
//! The model of memory is tested beside its code.

use jiff::{SignedDuration, Timestamp};
use kubedrill::base::seed::Seed;
use kubedrill::exam::blueprint::{Candidate, Weight};
use kubedrill::exam::event::{Entry, Event};
use kubedrill::exam::plan::{Kind, Plan, Task};
use kubedrill::exam::session::Session;
use kubedrill::grading::report::{Outcome, Report, Verdict, tally};
use kubedrill::progress::attempt::{Attempt, attempts};
use kubedrill::progress::history::{Best, History, write};
use kubedrill::progress::memory::Grade;
use kubedrill::progress::next::{Reason, next};
use kubedrill::progress::standing::{By, standings};

fn day(days: i64) -> Timestamp {
    Timestamp::UNIX_EPOCH + SignedDuration::from_hours(24 * days)
}

/// An attempt at a scenario named `domain-…` that ended on a day, with so many of 4 points.
fn attempt(scenario: &str, on: i64, earned: u32) -> Attempt {
    Attempt {
        pack: "cka".to_owned(),
        scenario: scenario.to_owned(),
        seed: Seed(1),
        domain: scenario.split('-').next().unwrap_or_default().to_owned(),
        topics: vec!["rbac".to_owned()],
        started: day(on),
        ended: day(on),
        spent: 300,
        expected: 360,
        earned,
        out_of: 4,
        hints: 0,
        solution_shown: false,
        exam: None,
    }
}

fn candidate(id: &str, minutes: u32) -> Candidate {
    let domain = id.split('-').next().unwrap_or_default().to_owned();
    let topics = if id.ends_with('1') { vec!["rbac".to_owned()] } else { vec!["pods".to_owned(), "rbac".to_owned()] };
    Candidate { id: id.to_owned(), domain, topics, minutes, ..Candidate::default() }
}

fn catalogue() -> Vec<Candidate> {
    [("storage-1", 5), ("storage-2", 5), ("network-1", 9), ("network-2", 3)].map(|(id, m)| candidate(id, m)).to_vec()
}

fn order(history: &History, weights: &[Weight], now: Timestamp) -> Vec<String> {
    next(history, &catalogue(), weights, now).into_iter().map(|suggestion| suggestion.scenario).collect()
}

#[test]
fn attempts_survive_the_history_and_a_bad_line_costs_only_itself() {
    let (a, b) = (attempt("storage-1", 2, 4), Attempt { exam: Some("mock".to_owned()), ..attempt("network-1", 1, 1) });
    let newer = write(&a).replace("\"v\":1", "\"v\":9");
    let text = format!("{}\n{{\"v\":1,\"pa\n{}\n{newer}\n{}", write(&a), write(&b), &write(&b)[..40]);
    let history = History::read(text.as_bytes());
    assert_eq!(history.attempts(), [b, a], "in the order they ended");
    assert_eq!(history.unreadable, [2, 4, 5]);
}

#[test]
fn the_best_score_is_kept_for_each_scenario() {
    let smaller = Attempt { earned: 2, out_of: 2, ..attempt("b-1", 3, 0) };
    let history = History::of(vec![attempt("a-1", 1, 3), attempt("a-1", 2, 1), attempt("b-1", 1, 3), smaller]);
    let best = history.best();
    assert_eq!(best["a-1"], Best { earned: 3, out_of: 4, attempts: 2 });
    assert_eq!(best["b-1"], Best { earned: 2, out_of: 2, attempts: 2 });
}

#[test]
fn how_well_it_was_remembered_follows_from_points_help_and_time() {
    let full = attempt("a-1", 1, 4);
    let graded = [
        (full.clone(), Grade::Good),
        (Attempt { spent: 180, ..full.clone() }, Grade::Easy),
        (Attempt { hints: 1, spent: 60, ..full.clone() }, Grade::Hard),
        (Attempt { solution_shown: true, ..full }, Grade::Again),
        (attempt("a-1", 1, 2), Grade::Hard),
        (attempt("a-1", 1, 1), Grade::Again),
    ];
    for (attempt, grade) in graded {
        assert_eq!(attempt.grade(), grade, "{attempt:?}");
    }
}

#[test]
fn standings_name_the_weak_spots_first() {
    let history = History::of(vec![attempt("storage-1", 1, 4), attempt("network-1", 1, 4), attempt("network-1", 2, 1)]);
    let domains = standings(&history, &catalogue(), By::Domain, day(2));
    let [network, storage] = &domains[..] else { panic!("{domains:?}") };
    assert_eq!((network.name.as_str(), network.is_weak(), network.score), ("network", true, Some(25.0)));
    assert_eq!((network.attempts, network.practised, network.scenarios), (2, 1, 2));
    assert_eq!((storage.is_weak(), storage.score), (false, Some(100.0)));
    assert!(storage.readiness > 0.4 && storage.readiness < 0.5, "half is practised, a little forgotten: {storage:?}");
    let topics = standings(&history, &catalogue(), By::Topic, day(2));
    assert_eq!(
        topics.iter().map(|topic| (topic.name.as_str(), topic.scenarios)).collect::<Vec<_>>(),
        [("pods", 2), ("rbac", 4)]
    );
    assert_eq!((topics[0].score, topics[0].is_weak()), (None, false));
}

#[test]
fn nothing_practised_starts_with_the_heaviest_domain_and_its_shortest_scenario() {
    let weights =
        [("storage", 10), ("network", 20)].map(|(domain, weight)| Weight { domain: domain.to_owned(), weight });
    let expected = ["network-2", "network-1", "storage-1", "storage-2"];
    assert_eq!(order(&History::default(), &weights, day(0)), expected);
}

#[test]
fn what_is_due_comes_back_and_what_is_remembered_waits() {
    let history = History::of(vec![attempt("network-1", 1, 4), attempt("storage-1", 1, 0)]);
    let after_a_day = next(&history, &catalogue(), &[], day(2));
    let first: Vec<_> = after_a_day.iter().map(|suggestion| suggestion.scenario.as_str()).collect();
    assert_eq!(first, ["storage-1", "storage-2", "network-2", "network-1"]);
    assert!(matches!(after_a_day[0].reason, Reason::Due { remembered } if remembered < 0.9));
    assert!(matches!(after_a_day[3].reason, Reason::Later { due } if due > day(3)));
    let json = serde_json::to_value(&after_a_day[1]).unwrap();
    assert_eq!(json, serde_json::json!({ "scenario": "storage-2", "domain": "storage", "reason": "new" }));
    assert_eq!(order(&history, &[], day(10)), ["storage-1", "storage-2", "network-1", "network-2"]);
}

fn session(kind: Kind) -> Session {
    let candidate = candidate("storage-1", 6);
    let tasks = vec![Task::of(&candidate, Seed(7)), Task::of(&candidate, Seed(8))];
    let plan = Plan { kind, seed: Seed(1), pack: "cka".to_owned(), cluster: "embedded".to_owned(), tasks };
    Session::start(plan, day(0))
}

fn report(passed: bool) -> Report {
    let verdict = if passed { Verdict::Pass } else { Verdict::Fail { findings: Vec::new() } };
    tally(
        "storage-1",
        Seed(7),
        vec![Outcome { name: "x".to_owned(), points: 4, guard: false, after: Vec::new(), verdict }],
    )
}

#[test]
fn an_exam_leaves_attempts_at_what_was_opened_and_could_be_graded() {
    let mut session = session(Kind::Exam { exam: "mock".to_owned(), minutes: 120, pass: 66 });
    let minute = |minutes| day(0) + SignedDuration::from_mins(minutes);
    let story = [
        (1, Event::TaskOpened { task: 0 }),
        (5, Event::Submitted),
        (6, Event::Graded { task: 0, report: report(true) }),
        (6, Event::Graded { task: 1, report: report(false) }),
    ];
    for (minutes, event) in story {
        session.apply(&Entry { at: minute(minutes), event });
    }
    let left = attempts(&session, minute(60));
    let [only] = &left[..] else { panic!("{left:?}") };
    assert_eq!((only.seed, only.earned, only.spent, only.expected), (Seed(7), 4, 240, 360));
    assert_eq!((only.exam.as_deref(), only.ended), (Some("mock"), minute(5)));
}

#[test]
fn practice_leaves_the_best_grading_and_the_help_taken() {
    let mut session = session(Kind::Practice);
    let story = [
        Event::TaskOpened { task: 1 },
        Event::HintTaken { task: 1, number: 1 },
        Event::Graded { task: 1, report: report(true) },
        Event::TaskReset { task: 1 },
        Event::Graded { task: 1, report: report(false) },
        Event::Stopped,
    ];
    for event in story {
        session.apply(&Entry { at: day(0), event });
    }
    let left = attempts(&session, day(0));
    assert_eq!(left.iter().map(|a| (a.seed, a.earned, a.hints)).collect::<Vec<_>>(), [(Seed(8), 4, 1)]);
}
