//! A task: its text beside the learner's terminal. Keys go to the terminal unless they are ours.
//! Which keys are ours stands in `task_keys`; grading what was done, in `grading`.

use std::sync::Arc;

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use jiff::{SignedDuration, Timestamp};
use ratatui::layout::Rect;
use ratatui::text::Span;

use super::grading::Grading;
use super::task_keys::{PREFIX, bindings};
use super::{Head, Piece, Row, body, exam, no_choice};
use crate::pty::{Screen, Size};
use crate::tui::action::{Action, action_of};
use crate::tui::canvas::{Canvas, fit};
use crate::tui::desk::{Request, TaskOpened};
use crate::tui::errand::Errand;
use crate::tui::hits::{Pane, Target};
use crate::tui::list::Scroll;
use crate::tui::markdown::{self, Page};
use crate::tui::message::{Effect, Order, ShellId};
use crate::tui::model::{Model, Place};
use crate::tui::overlays::{Overlay, Question};
use crate::tui::pane;
use crate::tui::parts::{Title, clock, count, ruled};

pub const ROW: Row =
    Row { place: Place::Task, bindings, key: typing, act, choose: no_choice, wheel, fit: follow, head, draw };

/// From this width on the terminal stands beside the text, not below it.
const BESIDE: u16 = 110;

/// Why there is no shell any more.
#[derive(Clone, Debug, PartialEq)]
pub enum Ended {
    /// With this code, or by a signal.
    Exit(Option<i32>),
    Failed(String),
}

/// An open task.
#[derive(Clone, Debug)]
pub struct Task {
    pub opened: TaskOpened,
    pub shell: ShellId,
    pub screen: Arc<Screen>,
    pub ended: Option<Ended>,
    /// The text is first, the terminal second.
    pub focus: Pane,
    pub zoom: bool,
    /// The next key is ours.
    pub leader: bool,
    pub scroll: Scroll,
    pub hints: Vec<String>,
    /// When it would have been opened, had it been open all the time spent on it.
    pub since: Timestamp,
    page: Page,
    page_width: u16,
    /// The size the shell was told; `None` before it is started.
    told: Option<Size>,
}

impl Task {
    pub fn new(opened: TaskOpened, shell: ShellId, now: Timestamp) -> Self {
        let since = began(now, opened.spent);
        Self {
            opened,
            shell,
            screen: Arc::default(),
            ended: None,
            focus: Pane::Second,
            zoom: false,
            leader: false,
            scroll: Scroll::default(),
            hints: Vec::new(),
            since,
            page: Page::default(),
            page_width: 0,
            told: None,
        }
    }

    /// Comes back to it: the text may be new, the terminal is what it was.
    pub fn again(&mut self, opened: TaskOpened, now: Timestamp) {
        self.since = began(now, opened.spent);
        self.opened = opened;
        self.page_width = 0;
    }

    /// A shell of its own again, started when its pane is next laid out.
    pub fn restart(&mut self, shell: ShellId) {
        self.shell = shell;
        self.ended = None;
        self.told = None;
        self.screen = Arc::default();
    }
}

fn began(now: Timestamp, spent: i64) -> Timestamp {
    now.saturating_sub(SignedDuration::from_secs(spent)).unwrap_or(now)
}

/// The panes with their rules; `None` for one that is zoomed away.
pub struct Panes {
    pub text: Option<Rect>,
    pub shell: Option<Rect>,
}

/// Where the panes are.
pub fn panes(size: (u16, u16), task: &Task) -> Panes {
    let area = body(size);
    match (task.zoom, task.focus) {
        (true, Pane::First) => return Panes { text: Some(area), shell: None },
        (true, Pane::Second) => return Panes { text: None, shell: Some(area) },
        _ => {}
    }
    if area.width >= BESIDE {
        let text = Rect { width: (area.width * 2 / 5).clamp(44, 78), ..area };
        let shell = Rect { x: text.right() + 1, width: area.width - text.width - 1, ..area };
        Panes { text: Some(text), shell: Some(shell) }
    } else {
        let text = Rect { height: (area.height * 2 / 5).max(5), ..area };
        let shell = Rect { y: text.bottom(), height: area.height - text.height, ..area };
        Panes { text: Some(text), shell: Some(shell) }
    }
}

/// The room under a pane's rule.
fn under_rule(area: Rect) -> Rect {
    Rect { y: area.y + 1, height: area.height.saturating_sub(1), ..area }
}

/// The text's room: a column free on either side.
fn text_room(area: Rect) -> Rect {
    let area = under_rule(area);
    Rect { x: area.x + 1, width: area.width.saturating_sub(2), ..area }
}

fn typing(model: &mut Model, event: &KeyEvent) -> Option<Vec<Effect>> {
    let bindings = bindings(model);
    let task = model.task_mut()?;
    let shell = task.shell;
    let send = |order| Some(vec![Effect::Shell { shell, order }]);
    if task.leader {
        task.leader = false;
        let page = i32::from(task.told.map_or(10, |size| size.rows)) / 2;
        return match event.code {
            _ if PREFIX.is(event) => send(Order::Key(*event)),
            KeyCode::PageUp => send(Order::Scroll(page)),
            KeyCode::PageDown => send(Order::Scroll(-page)),
            _ => Some(
                action_of(&bindings, event).map(|action| crate::tui::update::act(model, &action)).unwrap_or_default(),
            ),
        };
    }
    if task.focus == Pane::First {
        return None;
    }
    if let Some(action) = action_of(&bindings, event) {
        return Some(crate::tui::update::act(model, &action));
    }
    if task.ended.is_some() {
        let again = event.code == KeyCode::Enter;
        return Some(if again { restart(model) } else { Vec::new() });
    }
    let page = i32::from(task.told.map_or(10, |size| size.rows)) - 1;
    let shift = event.modifiers == KeyModifiers::SHIFT;
    match event.code {
        KeyCode::PageUp if shift => send(Order::Scroll(page)),
        KeyCode::PageDown if shift => send(Order::Scroll(-page)),
        _ => send(Order::Key(*event)),
    }
}

fn restart(model: &mut Model) -> Vec<Effect> {
    let shell = model.new_shell();
    if let Some(task) = model.task_mut() {
        task.restart(shell);
    }
    Vec::new()
}

fn act(model: &mut Model, action: &Action) -> Vec<Effect> {
    let in_exam = model.exam.is_some();
    match action {
        Action::Focus(pane) => return focus(model, *pane),
        Action::SwitchFocus => {
            let other = match model.task().map(|task| task.focus) {
                Some(Pane::First) => Pane::Second,
                _ => Pane::First,
            };
            return focus(model, other);
        }
        Action::Grade if !in_exam => return grade(model),
        Action::Hint if !in_exam => return hint(model),
        Action::Solution if !in_exam => model.overlays.push(Overlay::Confirm(Question::Solution)),
        Action::Reset => model.overlays.push(Overlay::Confirm(Question::Reset)),
        Action::Back if !in_exam => model.overlays.push(Overlay::Confirm(Question::LeaveTask)),
        Action::Back | Action::Overview | Action::NextTask | Action::PreviousTask | Action::Flag | Action::Note => {
            return exam::from_task(model, action);
        }
        _ => {}
    }
    let size = model.size;
    let Some(task) = model.task_mut() else { return Vec::new() };
    match action {
        Action::Zoom => task.zoom = !task.zoom,
        Action::Leader => task.leader = !task.leader,
        moving => {
            let page = panes(size, task).text.map_or(10, |area| usize::from(area.height) - 1);
            task.scroll.act(moving, page);
        }
    }
    Vec::new()
}

fn focus(model: &mut Model, pane: Pane) -> Vec<Effect> {
    let Some(task) = model.task_mut().filter(|task| task.focus != pane) else { return Vec::new() };
    task.focus = pane;
    vec![Effect::Shell { shell: task.shell, order: Order::Focus(pane == Pane::Second) }]
}

/// Grades the task on the screen.
pub fn grade(model: &mut Model) -> Vec<Effect> {
    let Some(task) = model.task() else { return Vec::new() };
    let number = task.opened.task;
    model.grading = Some(Grading::new(number, task.opened.title.clone()));
    model.place = Place::Grading;
    model.errands.forget(Errand::Grade);
    model.ask(Errand::Grade, Request::Grade { task: number })
}

fn hint(model: &mut Model) -> Vec<Effect> {
    let Some(task) = model.task() else { return Vec::new() };
    if task.opened.hints == 0 {
        model.say("This task has no hints.");
        return Vec::new();
    }
    let (number, first) = (task.opened.task, task.hints.is_empty());
    model.overlays.push(Overlay::Hints(Scroll::default()));
    if first { model.ask(Errand::Hint, Request::Hint { task: number }) } else { Vec::new() }
}

fn wheel(model: &mut Model, pane: Pane, action: &Action) {
    if let Some(task) = model.task_mut().filter(|_| pane == Pane::First) {
        for _ in 0..3 {
            task.scroll.act(action, 3);
        }
    }
}

fn follow(model: &mut Model) -> Vec<Effect> {
    let (size, theme) = (model.size, model.theme.clone());
    let Some(task) = model.task_mut() else { return Vec::new() };
    let Panes { text, shell } = panes(size, task);
    if let Some(text) = text {
        let room = text_room(text);
        if task.page_width != room.width {
            task.page = markdown::render(&task.opened.text, room.width, &theme);
            task.page_width = room.width;
        }
        task.scroll.keep(task.page.lines.len(), usize::from(room.height));
    }
    let Some(room) = shell.map(under_rule) else { return Vec::new() };
    let wanted = Size { columns: room.width, rows: room.height };
    let order = match task.told {
        Some(told) if told == wanted => return Vec::new(),
        Some(_) => Order::Resize(wanted),
        None => Order::Start(task.opened.shell.clone(), wanted),
    };
    task.told = Some(wanted);
    vec![Effect::Shell { shell: task.shell, order }]
}

fn head(model: &Model) -> Head {
    let Some(task) = model.task() else { return Head::default() };
    let theme = &model.theme;
    let brand = Span::styled(" ⎈ ", theme.brand);
    if let Some(sitting) = &model.exam {
        return exam::task_head(model, sitting, task, brand);
    }
    let (spent, expected) = (model.since(task.since), i64::from(task.opened.minutes) * 60);
    let time_style = if spent > expected { theme.warn } else { theme.text };
    let facts = format!("{}  ", count(task.opened.points as usize, "point"));
    let right = vec![
        Span::styled(facts, theme.dim),
        Span::styled(clock(spent), time_style),
        Span::styled(format!(" of {} ", clock(expected)), theme.dim),
    ];
    let room = usize::from(model.size.0).saturating_sub(34);
    let mut left = vec![brand, Span::raw(" "), Span::styled(fit(&task.opened.title, room), theme.title)];
    let more = Span::styled(format!("  {} · seed {}", task.opened.domain, task.opened.seed), theme.dim);
    let width = |spans: &[Span<'_>]| spans.iter().map(Span::width).sum::<usize>();
    if width(&left) + more.width() + width(&right) < usize::from(model.size.0) {
        left.push(more);
    }
    Head { left: left.into_iter().map(Piece::from).collect(), right: right.into_iter().map(Piece::from).collect() }
}

fn draw(model: &Model, canvas: &mut Canvas<'_, '_>, _: Rect) {
    let Some(task) = model.task() else { return };
    let Panes { text, shell } = panes(model.size, task);
    if let Some(area) = text {
        draw_text(task, canvas, area);
    }
    if let Some(area) = shell {
        draw_shell(model, task, canvas, area);
    }
    if let (Some(text), Some(shell)) = (text, shell)
        && text.y == shell.y
    {
        let between = Rect { x: text.right(), width: 1, ..text };
        canvas.fill(between, "│", canvas.theme.rule);
        let joint = Rect { height: 1, ..between };
        canvas.fill(joint, "┬", canvas.theme.rule);
    }
}

fn draw_text(task: &Task, canvas: &mut Canvas<'_, '_>, area: Rect) {
    let room = text_room(area);
    let place = task.scroll.place(task.page.lines.len(), usize::from(room.height)).unwrap_or_default();
    let title = Title::new("Task").right(place).focused(task.focus == Pane::First);
    ruled(canvas, area, &title);
    canvas.hits.add(area, Target::Pane(Pane::First));
    canvas.page(room, &task.page, task.scroll.0);
}

fn draw_shell(model: &Model, task: &Task, canvas: &mut Canvas<'_, '_>, area: Rect) {
    let room = under_rule(area);
    let scrolled = match task.screen.scrolled {
        0 if task.focus == Pane::Second => "^G menu".to_owned(),
        0 => String::new(),
        lines => format!("{} up · typing here returns", count(lines, "line")),
    };
    let focused = task.focus == Pane::Second;
    ruled(canvas, area, &Title::new("Terminal").right(scrolled).focused(focused));
    canvas.hits.add(area, Target::Pane(Pane::Second));
    canvas.hits.add(room, Target::Shell { shell: task.shell, area: room });
    let typing = focused && model.overlays.is_empty() && task.ended.is_none();
    pane::draw(canvas, room, &task.screen, typing);
    if let Some(ended) = &task.ended {
        let told = match ended {
            Ended::Exit(Some(code)) => format!(" The last one ended with code {code}."),
            Ended::Exit(None) => " The last one was ended by a signal.".to_owned(),
            Ended::Failed(why) => format!(" {why}"),
        };
        let row = Rect { y: room.bottom().saturating_sub(1), height: 1.min(room.height), ..room };
        canvas.clear(row);
        canvas.line(
            row,
            vec![
                Span::styled(" ⏎", canvas.theme.key),
                Span::styled(" starts a new shell.", canvas.theme.text),
                Span::styled(told, canvas.theme.warn),
            ],
        );
    }
}
