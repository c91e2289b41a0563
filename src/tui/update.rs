//! The one function that changes what the screens know: a message in, effects out.
//! What keys and actions mean stands with screens and overlays, what news mean in `news`.

use crossterm::event::{KeyCode, KeyEvent, KeyEventKind, KeyModifiers, MouseButton, MouseEvent, MouseEventKind};
use ratatui::layout::Rect;

use super::action::{Action, action_of};
use super::desk::Request;
use super::errand::Errand;
use super::hits::{Pane, Target};
use super::message::{Effect, Message, Order, ShellId, ShellSaid};
use super::model::{Model, Place};
use super::{news, overlays, screens};

/// Lines of text one notch of the wheel goes.
const NOTCH: usize = 3;

/// Takes a message in and says what is to be done.
pub fn update(model: &mut Model, message: Message) -> Vec<Effect> {
    let mut effects = match message {
        Message::Key(event) if event.kind == KeyEventKind::Release => Vec::new(),
        Message::Key(event) => key(model, event),
        Message::Paste(text) => paste(model, &text),
        Message::Mouse { event, target, clicks } => mouse(model, event, target, clicks),
        Message::Resize(columns, rows) => {
            model.size = (columns, rows);
            Vec::new()
        }
        Message::Tick(now) => tick(model, now),
        Message::News { ticket, news } => news::take(model, ticket, news),
        Message::Ended { ticket } => news::ended(model, ticket),
        Message::Shell { shell, said } => shell_said(model, shell, said),
    };
    effects.extend(screens::fit(model));
    effects
}

fn key(model: &mut Model, event: KeyEvent) -> Vec<Effect> {
    model.note = None;
    if model.too_small() {
        let quits = matches!(event.code, KeyCode::Char('q')) && model.visible_shell().is_none();
        return if quits { vec![Effect::Quit] } else { Vec::new() };
    }
    if model.errands.modal().is_some() {
        let gives_up = event.code == KeyCode::Esc
            || (event.code == KeyCode::Char('c') && event.modifiers.contains(KeyModifiers::CONTROL));
        return if gives_up { give_up(model) } else { Vec::new() };
    }
    if !model.overlays.is_empty() {
        return overlays::key(model, &event);
    }
    match (screens::row(model.place).key)(model, &event) {
        Some(effects) => effects,
        None => match action_of(&screens::bindings(model), &event) {
            Some(action) => act(model, &action),
            None => Vec::new(),
        },
    }
}

/// Does what a key or a click asks of the topmost thing on the screen.
pub fn act(model: &mut Model, action: &Action) -> Vec<Effect> {
    if let Action::Copy(text) = action {
        model.say(format!("Copied: {}", text.lines().next().unwrap_or_default()));
        return vec![Effect::Copy(text.clone())];
    }
    if model.errands.modal().is_some() {
        return if *action == Action::Back { give_up(model) } else { Vec::new() };
    }
    if !model.overlays.is_empty() {
        return overlays::act(model, action);
    }
    match action {
        Action::Help => {
            model.overlays.push(overlays::Overlay::Help);
            Vec::new()
        }
        Action::Quit => vec![Effect::Quit],
        _ => (screens::row(model.place).act)(model, action),
    }
}

/// Stops waiting for what the whole screen waits for, where that is possible.
fn give_up(model: &mut Model) -> Vec<Effect> {
    let Some(wait) = model.errands.modal() else { return Vec::new() };
    let (ticket, errand) = (wait.ticket, wait.errand);
    match errand {
        // Handing in and laying anew cannot be undone half-way.
        Errand::Submit | Errand::Reset => Vec::new(),
        Errand::Open if model.exam.is_some() => {
            model.errands.end(ticket);
            Vec::new()
        }
        _ => {
            model.errands.end(ticket);
            model.tell(Request::Leave)
        }
    }
}

fn paste(model: &mut Model, text: &str) -> Vec<Effect> {
    if model.too_small() || model.errands.modal().is_some() {
        return Vec::new();
    }
    if !model.overlays.is_empty() {
        return overlays::paste(model, text);
    }
    match (model.place, model.task()) {
        (Place::Task, Some(task)) if task.focus == Pane::Second => {
            vec![Effect::Shell { shell: task.shell, order: Order::Paste(text.to_owned()) }]
        }
        (Place::Home, _) => screens::home::paste(model, text),
        _ => Vec::new(),
    }
}

fn mouse(model: &mut Model, event: MouseEvent, target: Option<Target>, clicks: u8) -> Vec<Effect> {
    if let (Some((shell, area)), MouseEventKind::Drag(_) | MouseEventKind::Up(_)) = (model.dragging, event.kind) {
        if matches!(event.kind, MouseEventKind::Up(_)) {
            model.dragging = None;
        }
        return to_shell(shell, area, event, clicks);
    }
    if model.too_small() {
        return Vec::new();
    }
    match (event.kind, target) {
        (_, Some(Target::Shell { shell, area })) => {
            let mut effects = Vec::new();
            if let MouseEventKind::Down(_) = event.kind {
                model.dragging = Some((shell, area));
                effects = act(model, &Action::Focus(Pane::Second));
            }
            effects.extend(to_shell(shell, area, event, clicks));
            effects
        }
        (MouseEventKind::Down(MouseButton::Left), Some(Target::Act(action))) => act(model, &action),
        (MouseEventKind::Down(MouseButton::Left), Some(Target::Pane(pane))) => act(model, &Action::Focus(pane)),
        (MouseEventKind::Down(MouseButton::Left), Some(Target::Row(row))) => {
            let mut effects = (screens::row(model.place).choose)(model, row);
            if clicks == 2 {
                effects.extend(act(model, &Action::Enter));
            }
            effects
        }
        (MouseEventKind::ScrollUp, target) => wheel(model, target, &Action::Up),
        (MouseEventKind::ScrollDown, target) => wheel(model, target, &Action::Down),
        _ => Vec::new(),
    }
}

fn wheel(model: &mut Model, target: Option<Target>, action: &Action) -> Vec<Effect> {
    if !model.overlays.is_empty() {
        return (0..NOTCH).flat_map(|_| act(model, action)).collect();
    }
    let Some(Target::Pane(pane)) = target else { return Vec::new() };
    (screens::row(model.place).wheel)(model, pane, action);
    Vec::new()
}

fn to_shell(shell: ShellId, area: Rect, event: MouseEvent, clicks: u8) -> Vec<Effect> {
    let at = (
        event.column.clamp(area.left(), area.right().saturating_sub(1)) - area.x,
        event.row.clamp(area.top(), area.bottom().saturating_sub(1)) - area.y,
    );
    let order = Order::Mouse { kind: event.kind, modifiers: event.modifiers, at, clicks };
    vec![Effect::Shell { shell, order }]
}

fn tick(model: &mut Model, now: jiff::Timestamp) -> Vec<Effect> {
    model.now = now;
    model.turn = model.turn.wrapping_add(1);
    if model.note.as_ref().is_some_and(|note| note.until <= now) {
        model.note = None;
    }
    screens::exam::tick(model)
}

fn shell_said(model: &mut Model, shell: ShellId, said: ShellSaid) -> Vec<Effect> {
    let Some(task) = model.tasks.values_mut().find(|task| task.shell == shell) else { return Vec::new() };
    match said {
        ShellSaid::Drew(screen) => task.screen = screen,
        ShellSaid::Ended(code) => task.ended = Some(screens::task::Ended::Exit(code)),
        ShellSaid::Failed(why) => task.ended = Some(screens::task::Ended::Failed(why)),
    }
    Vec::new()
}
