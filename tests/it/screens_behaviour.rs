//! What the screens do, whatever they look like: keys that reach the shell, clicks, what the desk is asked, what is never lost.
//! How they look stands in `screens`.

use crossterm::event::{MouseButton, MouseEventKind};
use kubedrill::pty::Size;
use kubedrill::tui::action::Action;
use kubedrill::tui::desk::{News, Request, Trouble};
use kubedrill::tui::message::{Message, Order, ShellSaid};
use kubedrill::tui::model::{Pace, Place};

use crate::screens_desk::FakeDesk;
use crate::screens_room::Room;

/// The ticket under which the screens hear of what commands do.
const ATTENDING: u64 = 1;

fn last_asked(room: &Room) -> &Request {
    room.desk.asked.last().expect("something was asked")
}

#[test]
fn keys_go_to_the_shell_and_f_keys_to_us() {
    let mut room = Room::new(80, 24);
    room.keys("<ret>ls jkq?/g<ret><f3>");
    assert_eq!(room.typed(), "ls jkq?/g⏎");
    assert_eq!(room.shell_size(), Some(Size { columns: 80, rows: 21 }), "zoomed: all but three lines");
    room.keys("<f3>");
    assert_eq!(room.shell_size(), Some(Size { columns: 80, rows: 13 }));
}

#[test]
fn the_prefix_gives_every_command_to_a_terminal_without_f_keys() {
    let mut room = Room::new(80, 24);
    room.keys("<ret><c-g>g");
    assert_eq!(room.model.place, Place::Grading);
    room.keys("<ret><c-g><tab>g");
    assert_eq!(room.model.place, Place::Grading, "after the text took the keys, a letter is enough");
    room.keys("<ret><f2><c-g>");
    assert_eq!(room.typed(), "");
    room.keys("x");
    assert_eq!(room.typed(), "", "a letter that is no command goes nowhere");
    room.keys("<c-g><c-g>");
    assert_eq!(room.typed(), "g", "twice sends it on");
}

#[test]
fn the_pane_beside_the_text_has_its_own_size() {
    let mut room = Room::new(200, 50);
    room.keys("<ret>");
    assert_eq!(room.shell_size(), Some(Size { columns: 121, rows: 47 }));
    room.resize(100, 40);
    assert_eq!(room.shell_size(), Some(Size { columns: 100, rows: 22 }));
}

#[test]
fn everything_in_the_bar_can_be_clicked() {
    let mut room = Room::new(80, 24);
    room.keys("<ret>").click(&Action::Grade);
    assert_eq!(last_asked(&room), &Request::Grade { task: 0 });
    room.click(&Action::Explain);
    assert!(room.screen().contains("Explanation"));
    room.click(&Action::Back).click(&Action::Hint);
    assert_eq!(last_asked(&room), &Request::Hint { task: 0 });
    room.click(&Action::Back).click(&Action::Reset).click(&Action::Yes);
    assert_eq!(last_asked(&room), &Request::Reset { task: 0 });
    room.pass(5).click(&Action::Zoom).click(&Action::Back).click(&Action::Yes);
    assert_eq!(room.model.place, Place::Home);
    assert!(room.desk.asked.contains(&Request::Leave));
    room.click(&Action::Tab(2));
    assert_eq!(room.model.place, Place::History);
}

#[test]
fn a_click_chooses_and_a_double_click_opens() {
    let mut room = Room::new(80, 24);
    room.click_text("A Pod that stays", 1);
    assert_eq!(room.model.place, Place::Home);
    assert!(room.screen().contains("▌ · A Pod that stays"));
    room.click_text("▌ · A Pod that stays", 2);
    assert_eq!(last_asked(&room), &Request::Practise { scenario: "pending-pod".into(), seed: None });
    assert_eq!(room.model.place, Place::Task);
}

#[test]
fn code_in_the_text_is_copied_by_a_click() {
    let mut room = Room::new(80, 24);
    room.keys("<ret>").click_text("image.txt", 1);
    assert_eq!(room.copied, ["image.txt"]);
    assert!(room.screen().contains("Copied: image.txt"));
    room.keys("<f2>z").click_text("kubectl -n vega get pods", 1);
    let block = "kubectl -n vega rollout history deployment web\nkubectl -n vega get pods -o wide";
    assert_eq!(room.copied.last().map(String::as_str), Some(block));
}

#[test]
fn the_mouse_stays_with_the_shell_it_was_pressed_in() {
    let mut room = Room::new(80, 24);
    let left = MouseButton::Left;
    room.keys("<ret><f2>").mouse(MouseEventKind::Down(left), (5, 12), 1);
    assert!(room.orders.iter().any(|(_, order)| *order == Order::Focus(true)), "a click gives it the keys");
    room.mouse(MouseEventKind::Drag(left), (30, 2), 1).mouse(MouseEventKind::Up(left), (30, 2), 1);
    let places: Vec<(u16, u16)> = room
        .orders
        .iter()
        .filter_map(|(_, order)| match order {
            Order::Mouse { at, .. } => Some(*at),
            _ => None,
        })
        .collect();
    assert_eq!(places, [(5, 2), (30, 0), (30, 0)]);
}

#[test]
fn the_wheel_scrolls_what_it_is_over() {
    let mut room = Room::new(80, 24);
    room.keys("<ret>").mouse(MouseEventKind::ScrollDown, (10, 3), 0);
    assert!(room.screen().contains("4–10 of 20"), "{}", room.screen());
    room.mouse(MouseEventKind::ScrollUp, (10, 15), 0);
    assert!(matches!(room.orders.last(), Some((_, Order::Mouse { kind: MouseEventKind::ScrollUp, .. }))));
}

#[test]
fn a_shell_that_ended_is_started_anew_on_request() {
    let mut room = Room::new(80, 24);
    room.keys("<ret>");
    let shell = room.model.visible_shell().expect("a shell");
    room.send(Message::Shell { shell, said: ShellSaid::Ended(Some(0)) }).keys("ls");
    assert_eq!(room.typed(), "", "nobody is there to type to");
    room.keys("<ret>");
    let started = room.orders.iter().filter(|(_, order)| matches!(order, Order::Start(..))).count();
    assert_eq!(started, 2);
    assert_ne!(room.model.visible_shell(), Some(shell));
}

#[test]
fn an_answer_that_nobody_waits_for_changes_nothing() {
    let mut room = Room::new(80, 24);
    room.hold().keys("<ret>").pass(1).keys("<esc>");
    assert_eq!(last_asked(&room), &Request::Leave, "what was begun is called off");
    room.release(9);
    assert_eq!(room.model.place, Place::Home);
    assert!(room.model.overlays.is_empty());
}

#[test]
fn a_desk_that_never_answers_is_told_of() {
    let mut room = Room::new(80, 24);
    room.hold().keys("<ret>");
    room.held.retain(|message| matches!(message, Message::Ended { .. }));
    room.release(1);
    assert!(room.screen().contains("Kubedrill made a mistake"), "{}", room.screen());
    room.keys("<ret>");
    assert!(room.model.overlays.is_empty());
}

#[test]
fn trouble_in_grading_leads_back_to_the_task() {
    let mut room = Room::new(80, 24);
    room.keys("<ret>");
    room.desk.trouble = Some(Trouble { kind: "The cluster is gone".into(), ..Trouble::default() });
    room.keys("<f5>");
    assert_eq!(room.model.place, Place::Task);
    assert!(room.screen().contains("The cluster is gone"));
}

#[test]
fn an_exam_keeps_each_tasks_shell() {
    let mut room = Room::new(80, 24);
    room.keys("2<ret>y<ret>");
    let first = room.model.visible_shell();
    room.keys("<f6>");
    assert_eq!(last_asked(&room), &Request::Open { task: 1 });
    assert_ne!(room.model.visible_shell(), first);
    room.keys("<f5>");
    assert_eq!(room.model.visible_shell(), first);
    let starts = room.orders.iter().filter(|(_, order)| matches!(order, Order::Start(..))).count();
    assert_eq!(starts, 2, "the first shell was not started again");
}

#[test]
fn flags_and_notes_are_told_to_the_desk() {
    let mut room = Room::new(80, 24);
    room.keys("2<ret>yf");
    assert_eq!(last_asked(&room), &Request::Flag { task: 0, on: true });
    room.keys("mlook at ports<ret>");
    assert_eq!(last_asked(&room), &Request::Note { task: 0, text: "look at ports".into() });
    room.keys("m; and labels<esc>");
    assert_eq!(last_asked(&room), &Request::Note { task: 0, text: "look at ports".into() }, "not kept");
    assert!(room.screen().contains("✎ look at ports"));
}

#[test]
fn hints_and_grading_are_off_in_an_exam() {
    let mut room = Room::new(80, 24);
    room.keys("2<ret>y<ret>");
    let before = room.desk.asked.len();
    room.keys("<c-g>g<c-g>h<c-g>s");
    assert_eq!(room.desk.asked.len(), before);
    assert!(room.model.overlays.is_empty());
}

#[test]
fn an_exam_is_handed_in_when_its_time_is_up() {
    let mut room = Room::new(80, 24);
    room.keys("2<ret>y<ret>").pass(97 * 60);
    assert_eq!(last_asked(&room), &Request::Submit);
    assert_eq!(room.model.place, Place::Results);
    let submits = room.desk.asked.iter().filter(|request| **request == Request::Submit).count();
    room.pass(60);
    assert_eq!(submits, 1, "once");
}

#[test]
fn the_time_left_is_said_before_the_end() {
    let mut room = Room::new(80, 24);
    room.keys("2<ret>y").pass(82 * 60);
    assert!(room.screen().contains("15 minutes left."), "{}", room.screen());
    room.pass(5).pass(5 * 60);
    assert!(!room.screen().contains("minutes left."), "said once");
    room.pass(5 * 60);
    assert!(room.screen().contains("5 minutes left."));
}

#[test]
fn the_filter_is_typed_and_cleared() {
    let mut room = Room::new(80, 24);
    room.keys("/SERVICE hard");
    assert!(room.screen().contains("Nothing contains these words"), "{}", room.screen());
    room.keys("<back><back><back><back><back><ret>");
    assert!(room.screen().contains("A Service that finds no Pods"));
    room.keys("<ret>");
    assert!(matches!(last_asked(&room), Request::Practise { scenario, .. } if scenario == "wrong-selector"));
    let mut room = Room::new(80, 24);
    room.keys("/storage<esc>q");
    assert!(room.quit, "after the filter is left, q quits");
}

#[test]
fn a_task_that_cannot_be_done_here_says_what_it_lacks() {
    let mut room = Room::new(80, 24);
    let before = room.desk.asked.len();
    room.keys("jjjj<ret>");
    assert_eq!(room.desk.asked.len(), before);
    assert!(room.screen().lines().last().is_some_and(|bar| bar.contains("Needs node-shell")));
}

#[test]
fn next_up_and_next_task_lead_on() {
    let mut room = Room::new(80, 24);
    room.keys("n");
    assert!(matches!(last_asked(&room), Request::Practise { scenario, .. } if scenario == "rollout-undo"));
    room.keys("<f5>n");
    assert!(matches!(last_asked(&room), Request::Practise { scenario, .. } if scenario == "image-pull"));
    assert_eq!(room.model.place, Place::Task);
    let closed = room.orders.iter().filter(|(_, order)| *order == Order::Close).count();
    assert_eq!(closed, 1, "the first task's shell is closed");
}

#[test]
fn practice_during_an_exam_asks_first() {
    let mut room = Room::with(80, 24, FakeDesk { under_way: true, ..FakeDesk::default() });
    room.keys("<ret>n");
    assert_eq!(last_asked(&room), &Request::Catalogue);
    room.keys("2<ret>");
    assert_eq!(last_asked(&room), &Request::ResumeExam, "going on needs no question");
}

#[test]
fn a_screen_that_shows_no_clock_stands_still() {
    let mut room = Room::new(80, 24);
    assert_eq!(room.model.pace(), Pace::Still);
    room.keys("<ret>");
    assert_eq!(room.model.pace(), Pace::Clock);
    room.hold().keys("<f5>");
    assert_eq!(room.model.pace(), Pace::Turning);
}

#[test]
fn a_reset_may_bring_a_new_shell() {
    let mut room = Room::new(80, 24);
    room.keys("<ret>").hold().keys("<f8>y");
    let old = room.model.visible_shell();
    room.holding = false;
    let shell = Some(kubedrill::tui::desk::Shell::default());
    room.send(Message::News { ticket: 4, news: News::Reset { shell } });
    assert_ne!(room.model.visible_shell(), old);
    assert!(room.orders.iter().any(|(shell, order)| Some(*shell) == old && *order == Order::Close));
}

#[test]
fn a_hint_taken_by_command_in_the_terminal_is_heard() {
    let mut room = Room::new(80, 24);
    room.keys("<ret>");
    let hint = News::Hint { number: 1, of: 2, text: "Look at the labels.".into() };
    room.send(Message::News { ticket: ATTENDING, news: hint });
    assert!(room.screen().contains("A hint was taken in the terminal."), "{}", room.screen());
    assert_eq!(room.model.pace(), Pace::Clock, "nothing is waited for");
    room.keys("<f6>");
    assert!(room.screen().contains("Look at the labels."), "{}", room.screen());
    assert!(!room.desk.asked.contains(&Request::Hint { task: 0 }), "it is the first, and is there");
    let again = News::Reset { shell: Some(kubedrill::tui::desk::Shell::default()) };
    let old = room.model.visible_shell();
    room.send(Message::News { ticket: ATTENDING, news: again });
    assert_ne!(room.model.visible_shell(), old, "the old shell stands in a folder that is gone");
}

#[test]
fn an_attempt_leads_to_its_task() {
    let mut room = Room::new(80, 24);
    room.keys("3jjj<ret>");
    assert_eq!(room.model.place, Place::Home);
    assert!(room.screen().contains("▌ · Names of nodes"), "{}", room.screen());
}
