//! The screens as a learner sees them: keys in, screen out, at 80×24 and 200×50, as snapshots in `tests/golden/screens`.
//! What must hold whatever it looks like, keys, clicks, effects, stands in `screens_behaviour`.

use kubedrill::tui::desk::{News, Progress, Trouble};
use kubedrill::tui::message::{Message, ShellSaid};

use crate::screens_desk::{FakeDesk, broken, graded};
use crate::screens_room::Room;

/// Shows the same session at both sizes.
fn show(name: &str, session: impl Fn(&mut Room)) {
    show_with(name, FakeDesk::default, session);
}

fn show_with(name: &str, desk: impl Fn() -> FakeDesk, session: impl Fn(&mut Room)) {
    for (columns, rows) in [(80, 24), (200, 50)] {
        let mut room = Room::with(columns, rows, desk());
        session(&mut room);
        let screen = room.screen();
        insta::with_settings!({ snapshot_path => "../golden/screens", prepend_module_to_snapshot => false, omit_expression => true }, {
            insta::assert_snapshot!(format!("{name}-{columns}x{rows}"), screen);
        });
    }
}

#[test]
fn home() {
    show("home", |_| {});
    show("home-chosen", |room| {
        room.keys("jjjjjj");
    });
    show("home-filter", |room| {
        room.keys("/pod");
    });
    show("home-missing", |room| {
        room.keys("jjjj");
    });
    show("home-help", |room| {
        room.keys("?");
    });
    show_with("home-exam-under-way", || FakeDesk { under_way: true, ..FakeDesk::default() }, |_| {});
}

#[test]
fn opening() {
    show("opening", |room| {
        room.hold().keys("<ret>").release(1).pass(3);
    });
    show("opening-fails", |room| {
        room.desk.trouble = Some(Trouble {
            kind: "The cluster does not start".into(),
            cause: "Port 6443 on 127.0.0.1 is taken by another process.".into(),
            hint: "Type `kubedrill cluster list` to see what runs, and `kubedrill cluster down` to end it.".into(),
        });
        room.keys("<ret>");
    });
}

#[test]
fn task() {
    show("task", |room| {
        room.keys("<ret>").pass(64);
    });
    show("task-text", |room| {
        room.keys("<ret><f2><pgdn>");
    });
    show("task-zoom-text", |room| {
        room.keys("<ret><f2>z");
    });
    show("task-zoom-terminal", |room| {
        room.keys("<ret><f3>");
    });
    show("task-menu", |room| {
        room.keys("<ret><c-g>");
    });
    show("task-help", |room| {
        room.keys("<ret><f1>");
    });
    show("task-leave", |room| {
        room.keys("<ret><f10>");
    });
    show("task-late", |room| {
        room.keys("<ret>").pass(500);
    });
    show("task-shell-ended", |room| {
        room.keys("<ret>");
        let shell = room.model.visible_shell().expect("a shell");
        room.send(Message::Shell { shell, said: ShellSaid::Ended(Some(1)) });
    });
}

#[test]
fn hints_and_solution() {
    show("hints", |room| {
        room.keys("<ret><f6>h");
    });
    show("solution", |room| {
        room.keys("<ret><f7>y");
    });
}

#[test]
fn grading() {
    show("grading-settling", |room| {
        room.keys("<ret>").hold().keys("<f5>").release(3).pass(1);
    });
    show("grading", |room| {
        room.keys("<ret><f5>");
    });
    show("grading-diff", |room| {
        room.keys("<ret><f5>j");
    });
    show("grading-after", |room| {
        room.keys("<ret><f5>jj");
    });
    show("grading-broken", |room| {
        room.keys("<ret>").hold().keys("<f5>");
        room.held.clear();
        let ticket = 4;
        room.send(Message::News { ticket, news: News::Graded(Box::new(graded(broken()))) });
    });
    let solved = || FakeDesk { solved: true, ..FakeDesk::default() };
    show_with("grading-solved", solved, |room| {
        room.keys("<ret><f5>");
    });
}

#[test]
fn exam() {
    show("exams", |room| {
        room.keys("2");
    });
    show("exam-start", |room| {
        room.keys("2<ret>");
    });
    show("exam", |room| {
        room.keys("2<ret>yj");
    });
    show("exam-task", |room| {
        room.keys("2<ret>yj<ret>").pass(30);
    });
    show("exam-task-menu", |room| {
        room.keys("2<ret>yj<ret><c-g>");
    });
    show("exam-note", |room| {
        room.keys("2<ret>yjm; check ports");
    });
    show("exam-short-of-time", |room| {
        room.keys("2<ret>y").pass(94 * 60);
    });
    show("exam-hand-in", |room| {
        room.keys("2<ret>ys");
    });
    show("exam-being-graded", |room| {
        room.keys("2<ret>y").hold().keys("sy");
        let progress = Progress { text: "A Pod that stays Pending".into(), done: 3, of: 16 };
        room.send(Message::News { ticket: 4, news: News::Progress(progress) }).pass(2);
    });
    show("exam-results", |room| {
        room.keys("2<ret>ysy");
    });
    show("exam-results-task", |room| {
        room.keys("2<ret>ysyj<ret>");
    });
}

#[test]
fn history() {
    show("history", |room| {
        room.keys("3j");
    });
}

#[test]
fn too_small() {
    let mut room = Room::new(80, 24);
    let screen = room.keys("<ret>").resize(50, 12).screen();
    insta::with_settings!({ snapshot_path => "../golden/screens", prepend_module_to_snapshot => false, omit_expression => true }, {
        insta::assert_snapshot!("too-small", screen);
    });
    assert!(room.resize(80, 24).screen().contains("Undo a broken rollout"), "nothing is lost");
}
