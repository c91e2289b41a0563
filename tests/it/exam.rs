//! Sessions as stories: commands in at a time of day, effects and clocks out; then the same session again from its journal.
//! What is drawn stands in `exam_draw`, what is written down in `exam_journal`.

use jiff::{SignedDuration, Timestamp};
use kubedrill::base::seed::Seed;
use kubedrill::exam::event::{Command, Effect, Entry, Event, Refusal};
use kubedrill::exam::journal;
use kubedrill::exam::plan::{Kind, Plan, Task};
use kubedrill::exam::session::{End, ReplayError, Session, Stage};
use kubedrill::grading::report::{Outcome, Report, Verdict, tally};
use proptest::prelude::*;

fn task(scenario: &str, domain: &str, worth: u32) -> Task {
    Task {
        scenario: scenario.to_owned(),
        seed: Seed(3),
        title: format!("Task {scenario}"),
        domain: domain.to_owned(),
        topics: Vec::new(),
        minutes: 6,
        points: 4,
        worth,
        hints: 2,
    }
}

fn plan(kind: Kind) -> Plan {
    let tasks = vec![task("a", "troubleshooting", 50), task("b", "storage", 30), task("c", "storage", 20)];
    Plan { kind, seed: Seed(1), pack: "cka".to_owned(), cluster: "embedded".to_owned(), tasks }
}

fn exam() -> Kind {
    Kind::Exam { exam: "mock".to_owned(), minutes: 120, pass: 66 }
}

/// A report with `earned` of 4 points.
fn report(earned: u32) -> Report {
    let point = |number: u32| Outcome {
        name: format!("check {number}"),
        points: 1,
        guard: false,
        after: Vec::new(),
        verdict: if number < earned { Verdict::Pass } else { Verdict::Fail { findings: Vec::new() } },
    };
    tally("x", Seed(3), (0..4).map(point).collect())
}

/// A session with its journal, as the driver keeps them.
struct Desk {
    session: Session,
    journal: String,
}

fn at(minutes: i64) -> Timestamp {
    Timestamp::UNIX_EPOCH + SignedDuration::from_mins(minutes)
}

fn minutes(count: i64) -> SignedDuration {
    SignedDuration::from_mins(count)
}

impl Desk {
    fn start(kind: Kind) -> Self {
        let plan = plan(kind);
        let first = Entry { at: at(0), event: Event::Started { plan: plan.clone() } };
        Self { session: Session::start(plan, at(0)), journal: journal::write(&first) + "\n" }
    }

    fn send(&mut self, minute: i64, command: Command) -> Vec<Effect> {
        self.try_send(minute, command).unwrap()
    }

    fn try_send(&mut self, minute: i64, command: Command) -> Result<Vec<Effect>, Refusal> {
        let mut effects = Vec::new();
        for event in self.session.decide(command, at(minute))? {
            let entry = Entry { at: at(minute), event };
            self.journal += &(journal::write(&entry) + "\n");
            effects.extend(self.session.apply(&entry));
        }
        Ok(effects)
    }

    /// Kills the program, in the middle of a write, and starts it again.
    fn kill(&mut self) {
        self.journal += "{\"v\":1,\"at\":\"20\n";
        let read = journal::read(self.journal.as_bytes()).unwrap();
        let again = Session::replay(&read.entries).unwrap();
        assert_eq!(again, self.session);
        self.session = again;
    }
}

#[test]
fn an_exam_goes_on_after_a_kill_with_the_same_clock_flags_and_notes() {
    let mut desk = Desk::start(exam());
    assert_eq!(desk.send(1, Command::Open(1)), [Effect::OpenLab { task: 1 }]);
    desk.send(2, Command::Flag { task: 1, on: true });
    desk.send(3, Command::Note { task: 1, text: "look at the PVC".to_owned() });
    desk.kill();
    assert_eq!(desk.session.time_left(at(10)), Some(minutes(110)));
    assert_eq!(desk.send(10, Command::Resume), [Effect::OpenLab { task: 1 }]);
    let state = &desk.session.tasks()[1];
    assert!(state.flagged);
    assert_eq!(state.note, "look at the PVC");
    assert_eq!(desk.session.spent(1, at(11)), minutes(10));
    desk.kill();
    desk.kill();
    desk.send(12, Command::Resume);
    desk.send(13, Command::Open(0));
    desk.kill();
    assert_eq!(desk.session.open_task(), Some(0));
    assert_eq!((desk.session.spent(1, at(20)), desk.session.spent(0, at(20))), (minutes(12), minutes(7)));
}

#[test]
fn when_time_is_up_a_late_wish_is_not_obeyed_and_everything_is_graded() {
    let mut desk = Desk::start(exam());
    desk.send(1, Command::Open(0));
    assert_eq!(desk.send(119, Command::Tick), []);
    assert_eq!(desk.send(121, Command::Open(1)), [Effect::Grade { tasks: vec![0, 1, 2] }]);
    assert_eq!(desk.session.stage(), Stage::Over(End::TimeUp, at(120)));
    assert_eq!(desk.session.spent(0, at(500)), minutes(119));
    assert_eq!(desk.session.time_left(at(500)), Some(minutes(0)));
    assert_eq!(desk.try_send(122, Command::Open(1)), Err(Refusal::Over));
    assert_eq!(desk.send(122, Command::Tick), []);
}

#[test]
fn an_exam_found_again_after_its_end_is_over_since_its_deadline() {
    let mut desk = Desk::start(exam());
    desk.send(30, Command::Open(2));
    desk.kill();
    assert_eq!(desk.send(5000, Command::Resume), [Effect::Grade { tasks: vec![0, 1, 2] }]);
    assert_eq!(desk.session.stage(), Stage::Over(End::TimeUp, at(120)));
    assert_eq!(desk.session.spent(2, at(5001)), minutes(90));
    assert_eq!(desk.session.elapsed(at(5001)), minutes(120));
}

#[test]
fn a_clock_set_back_gives_no_time_and_takes_none() {
    let mut desk = Desk::start(exam());
    assert_eq!(desk.session.time_left(at(-60)), Some(minutes(120)));
    desk.send(10, Command::Open(0));
    desk.send(5, Command::Leave);
    assert_eq!(desk.session.spent(0, at(20)), minutes(0));
}

#[test]
fn grading_interrupted_by_a_kill_goes_on_with_the_rest() {
    let mut desk = Desk::start(exam());
    desk.send(40, Command::Submit);
    assert_eq!(desk.send(41, Command::Report { task: 1, report: report(4) }), []);
    desk.kill();
    assert_eq!(desk.send(45, Command::Resume), [Effect::Grade { tasks: vec![0, 2] }]);
    assert_eq!(desk.send(46, Command::Report { task: 0, report: report(2) }), []);
    assert!(!desk.session.finished());
    assert_eq!(desk.send(46, Command::Report { task: 2, report: report(0) }), [Effect::Finish]);
    assert!(desk.session.finished());
    let late = Command::Report { task: 2, report: report(4) };
    assert_eq!(desk.try_send(47, late), Err(Refusal::NotAsked { task: 2 }));
}

#[test]
fn an_exam_has_no_hints_no_solutions_no_pause_and_no_early_grades() {
    let mut desk = Desk::start(exam());
    let refused = [
        (Command::Hint(0), Refusal::NoHintsInExam),
        (Command::Solve(0), Refusal::NoSolutionsInExam),
        (Command::Pause, Refusal::ExamRunsOn),
        (Command::Grade(0), Refusal::GradedAtTheEnd),
        (Command::Open(3), Refusal::NoSuchTask { task: 3, of: 3 }),
        (Command::Report { task: 0, report: report(4) }, Refusal::NotAsked { task: 0 }),
    ];
    for (command, refusal) in refused {
        assert_eq!(desk.try_send(1, command), Err(refusal));
    }
    assert_eq!(Refusal::NoSuchTask { task: 3, of: 3 }.to_string(), "there is no task 4: this session has 3");
}

#[test]
fn practice_gives_hints_grades_at_any_time_and_keeps_the_best() {
    let mut desk = Desk::start(Kind::Practice);
    desk.send(0, Command::Open(0));
    desk.send(1, Command::Hint(0));
    desk.send(2, Command::Hint(0));
    assert_eq!(desk.try_send(3, Command::Hint(0)), Err(Refusal::NoMoreHints { task: 0, of: 2 }));
    assert_eq!(desk.send(4, Command::Grade(0)), [Effect::Grade { tasks: vec![0] }]);
    assert_eq!(desk.send(4, Command::Grade(0)), [], "one grading at a time");
    desk.send(4, Command::Report { task: 0, report: report(3) });
    assert_eq!(desk.send(5, Command::Reset(0)), [Effect::ResetLab { task: 0 }]);
    let state = &desk.session.tasks()[0];
    assert_eq!((state.report.as_ref(), state.best.as_ref()), (None, Some(&report(3))));
    assert_eq!(desk.session.time_left(at(5)), None);
    assert_eq!(desk.send(6, Command::Stop), [Effect::Finish]);
    assert!(desk.session.finished());
}

#[test]
fn a_broken_grading_never_becomes_the_best() {
    let mut desk = Desk::start(Kind::Practice);
    desk.send(0, Command::Open(0));
    desk.send(1, Command::Grade(0));
    desk.send(1, Command::Report { task: 0, report: Report::ungraded("a", Seed(3), 4, "connection refused") });
    let state = &desk.session.tasks()[0];
    assert!(state.report.is_some());
    assert_eq!(state.best, None);
}

#[test]
fn time_away_is_no_practice() {
    let mut desk = Desk::start(Kind::Practice);
    desk.send(0, Command::Open(0));
    desk.send(3, Command::Pause);
    assert_eq!(desk.try_send(4, Command::Flag { task: 0, on: true }), Err(Refusal::Paused));
    assert_eq!(desk.session.spent(0, at(100)), minutes(3));
    assert_eq!(desk.send(100, Command::Resume), [Effect::OpenLab { task: 0 }]);
    desk.send(102, Command::Beat);
    desk.kill();
    desk.send(900, Command::Resume);
    assert_eq!(desk.session.spent(0, at(901)), minutes(6));
}

#[test]
fn a_practice_handed_in_is_graded_where_it_was_opened() {
    let mut desk = Desk::start(Kind::Practice);
    desk.send(0, Command::Open(1));
    assert_eq!(desk.send(9, Command::Submit), [Effect::Grade { tasks: vec![1] }]);
    assert_eq!(desk.send(9, Command::Report { task: 1, report: report(4) }), [Effect::Finish]);
}

#[test]
fn results_are_weighed_and_a_broken_grading_neither_earns_nor_costs() {
    let mut desk = Desk::start(exam());
    desk.send(10, Command::Open(0));
    desk.send(40, Command::Submit);
    desk.send(41, Command::Report { task: 0, report: report(3) });
    desk.send(41, Command::Report { task: 1, report: Report::ungraded("b", Seed(3), 4, "connection refused") });
    desk.send(41, Command::Report { task: 2, report: report(2) });
    let results = desk.session.results(at(50));
    // 50 × 3/4 and 20 × 2/4 of the 70 that count.
    assert!((results.score - 100.0 * 47.5 / 70.0).abs() < 1e-9, "{}", results.score);
    assert_eq!(results.passed, Some(true));
    assert_eq!((results.spent, results.allowed), (40 * 60, Some(120 * 60)));
    assert_eq!(results.tasks[1].ungraded.as_deref(), Some("connection refused"));
    let [troubleshooting, storage] = &results.domains[..] else { panic!("{:?}", results.domains) };
    assert_eq!((troubleshooting.percent(), storage.percent()), (Some(75.0), Some(50.0)));
    assert_eq!((troubleshooting.spent, troubleshooting.expected), (30 * 60, 6 * 60));
    assert_eq!((storage.tasks, storage.expected), (2, 12 * 60));
}

#[test]
fn exactly_the_pass_mark_passes() {
    let mut plan = plan(Kind::Exam { exam: "mock".to_owned(), minutes: 120, pass: 50 });
    plan.tasks.truncate(2);
    plan.tasks[1].worth = 50;
    let mut session = Session::start(plan, at(0));
    let events =
        [Event::Submitted, Event::Graded { task: 0, report: report(4) }, Event::Graded { task: 1, report: report(0) }];
    for event in events {
        session.apply(&Entry { at: at(1), event });
    }
    assert_eq!(session.results(at(1)).passed, Some(true));
}

#[test]
fn a_journal_that_makes_no_sense_is_refused() {
    let started = Entry { at: at(0), event: Event::Started { plan: plan(exam()) } };
    let far = Entry { at: at(1), event: Event::TaskOpened { task: 9 } };
    assert_eq!(Session::replay(&[]), Err(ReplayError::Empty));
    assert_eq!(Session::replay(std::slice::from_ref(&far)), Err(ReplayError::Start { number: 1 }));
    assert_eq!(Session::replay(&[started.clone(), started.clone()]), Err(ReplayError::Start { number: 2 }));
    assert_eq!(Session::replay(&[started, far]), Err(ReplayError::NoSuchTask { number: 2, task: 9, of: 3 }));
}

fn any_command() -> impl Strategy<Value = Command> {
    let task = 0_usize..4;
    prop_oneof![
        Just(Command::Resume),
        Just(Command::Pause),
        task.clone().prop_map(Command::Open),
        Just(Command::Leave),
        (task.clone(), any::<bool>()).prop_map(|(task, on)| Command::Flag { task, on }),
        task.clone().prop_map(Command::Hint),
        task.clone().prop_map(Command::Solve),
        task.clone().prop_map(Command::Reset),
        task.clone().prop_map(Command::Grade),
        (task, 0_u32..5).prop_map(|(task, earned)| Command::Report { task, report: report(earned) }),
        Just(Command::Submit),
        Just(Command::Tick),
        Just(Command::Beat),
    ]
}

proptest! {
    #[test]
    fn whatever_is_asked_the_journal_tells_the_same_and_time_adds_up(
        practice: bool,
        commands in prop::collection::vec((0_i64..40, any_command()), 1..40),
    ) {
        let mut desk = Desk::start(if practice { Kind::Practice } else { exam() });
        let mut minute = 0;
        for (later, command) in commands {
            minute += later;
            let before = desk.session.time_left(at(minute));
            // A refusal is as good an answer as any, as long as it changes nothing.
            let _ = desk.try_send(minute, command);
            prop_assert!(desk.session.time_left(at(minute)) <= before, "no command gives time");
            let read = journal::read(desk.journal.as_bytes()).unwrap();
            prop_assert_eq!(&Session::replay(&read.entries).unwrap(), &desk.session);
            let spent: i64 = (0..3).map(|task| desk.session.spent(task, at(minute)).as_mins()).sum();
            prop_assert!(spent <= desk.session.elapsed(at(minute)).as_mins(), "one task at a time: {} minutes", spent);
            let score = desk.session.results(at(minute)).score;
            prop_assert!((0.0..=100.0).contains(&score), "{score}");
        }
    }
}
