//! The keys of the task screen: letters while the text has the keys, F keys and a prefix while the terminal has them.
//! What they do stands in `task`.

use crossterm::event::KeyCode;

use crate::tui::action::{Action, Binding, Key, bind, ctrl, key, moving, named};
use crate::tui::hits::Pane;
use crate::tui::model::Model;

/// The prefix that makes the next key ours, for terminals without F keys.
pub const PREFIX: Key = ctrl('g');

/// A command with its letter, its F key and its words for bar and help.
struct Command {
    letter: Key,
    letter_shown: &'static str,
    f: u8,
    f_shown: &'static str,
    words: (&'static str, &'static str),
    action: Action,
}

const fn command(
    letter: (Key, &'static str),
    f: (u8, &'static str),
    words: (&'static str, &'static str),
    action: Action,
) -> Command {
    Command { letter: letter.0, letter_shown: letter.1, f: f.0, f_shown: f.1, words, action }
}

/// What can be done with a task of a practice.
fn practice() -> Vec<Command> {
    vec![
        command((key('g'), "g"), (5, "F5"), ("Grade", "grade the task as it stands"), Action::Grade),
        command((key('h'), "h"), (6, "F6"), ("Hint", "hints, one after the other"), Action::Hint),
        command((key('s'), "s"), (7, "F7"), ("Solution", "show the solution"), Action::Solution),
        command((key('r'), "r"), (8, "F8"), ("Reset", "set the task up anew"), Action::Reset),
    ]
}

/// What can be done with a task of an exam.
fn exam() -> Vec<Command> {
    vec![
        command((key('o'), "o"), (4, "F4"), ("Tasks", "the list of tasks, and handing in"), Action::Overview),
        command((key('p'), "p"), (5, "F5"), ("Prev", "the task before"), Action::PreviousTask),
        command((key('n'), "n"), (6, "F6"), ("Next", "the next task"), Action::NextTask),
        command((key('f'), "f"), (7, "F7"), ("Flag", "mark the task to come back to"), Action::Flag),
        command((key('r'), "r"), (8, "F8"), ("Reset", "set the task up anew"), Action::Reset),
        command((key('m'), "m"), (9, "F9"), ("Note", "write a note on the task"), Action::Note),
    ]
}

fn commands(model: &Model, focus: Pane) -> Vec<Command> {
    let other = if focus == Pane::Second { "Task" } else { "Terminal" };
    let tab = named(KeyCode::Tab);
    let mut all = vec![
        command((key('?'), "?"), (1, "F1"), ("Help", "this list of keys"), Action::Help),
        command(
            (tab, "Tab"),
            (2, "F2"),
            (other, "switch between the task's text and the terminal"),
            Action::SwitchFocus,
        ),
        command((key('z'), "z"), (3, "F3"), ("Zoom", "show only this pane, or both again"), Action::Zoom),
    ];
    all.extend(if model.exam.is_some() { exam() } else { practice() });
    let leave = if model.exam.is_some() { "back to the list of tasks" } else { "leave the task" };
    all.push(command((key('q'), "q"), (10, "F10"), ("Leave", leave), Action::Back));
    all
}

/// The keys as they are now.
pub fn bindings(model: &Model) -> Vec<Binding> {
    let Some(task) = model.task() else { return Vec::new() };
    let commands = commands(model, task.focus);
    if task.leader {
        return commands.iter().map(|c| bind(&[c.letter], c.letter_shown, c.words, c.action.clone())).collect();
    }
    if task.focus == Pane::Second {
        let by_f = |c: &Command| bind(&[named(KeyCode::F(c.f))], c.f_shown, c.words, c.action.clone());
        let mut all: Vec<Binding> = commands.iter().map(by_f).collect();
        let words = ("Menu", "then a letter, PgUp or PgDn; twice: ^G to the shell");
        all.push(bind(&[PREFIX], "^G", words, Action::Leader).hidden());
        let words = ("Scroll", "scroll the terminal back and forth");
        all.push(bind(&[], "⇧PgUp ⇧PgDn", words, Action::PageUp).hidden());
        return all;
    }
    let both = |c: &Command| {
        let mut keys = vec![c.letter, named(KeyCode::F(c.f))];
        if c.action == Action::Back {
            keys.push(named(KeyCode::Esc));
        }
        bind(&keys, c.letter_shown, c.words, c.action.clone())
    };
    let mut all: Vec<Binding> = commands.iter().map(both).collect();
    all.extend(moving());
    all
}
