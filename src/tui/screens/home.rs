//! The first screen: what there is to practise, by domain, with progress, and the details of what is chosen.
//! Its second tab, the exams, is drawn in `exams`; its third is the screen `history`.

use crossterm::event::{Event, KeyCode, KeyEvent, KeyModifiers};
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::text::{Line, Span};
use tui_input::Input;
use tui_input::backend::crossterm::EventHandler;

use super::{Head, Piece, Row, body, exams, home_details};
use crate::tui::action::{Action, Binding, bind, ctrl, key, moving, named};
use crate::tui::canvas::{Canvas, fit, pad};
use crate::tui::desk::{Catalogue, Domain, Request, Scenario};
use crate::tui::errand::Errand;
use crate::tui::hits::{Pane, Target};
use crate::tui::list::List;
use crate::tui::message::Effect;
use crate::tui::model::{Model, Place};
use crate::tui::overlays::{Overlay, Question};
use crate::tui::parts::{Title, bar, count, dots, ruled, score_mark, word};
use crate::tui::theme::Theme;

pub const ROW: Row = Row { place: Place::Home, bindings, key: typing, act, choose, wheel, fit: follow, head, draw };

/// The tabs of the first screens.
pub const TABS: [&str; 3] = ["Practice", "Exams", "History"];

/// What this screen knows.
#[derive(Clone, Debug, Default)]
pub struct Home {
    pub catalogue: Option<Catalogue>,
    /// 0 practice, 1 exams.
    pub tab: usize,
    pub filter: Input,
    /// Keys go to the filter.
    pub filtering: bool,
    pub list: List,
    pub exams: List,
}

/// A line of the list.
enum Entry<'a> {
    Blank,
    Domain(&'a Domain, usize, usize),
    Scenario(&'a Scenario),
}

impl Home {
    /// The scenarios that the filter leaves, in the order shown.
    pub fn shown(&self) -> Vec<&Scenario> {
        let Some(catalogue) = &self.catalogue else { return Vec::new() };
        let of = |domain: &Domain| catalogue.scenarios.iter().filter(|scenario| scenario.domain == domain.id).collect();
        let all: Vec<Vec<&Scenario>> = catalogue.domains.iter().map(of).collect();
        all.into_iter().flatten().filter(|scenario| self.fits(scenario)).collect()
    }

    pub fn chosen(&self) -> Option<&Scenario> {
        self.shown().get(self.list.cursor).copied()
    }

    /// Every word of the filter is somewhere in what one sees of the scenario.
    fn fits(&self, scenario: &Scenario) -> bool {
        let Scenario { id, title, domain, topics, .. } = scenario;
        let text = format!("{id} {title} {domain} {} {}", topics.join(" "), word(scenario.difficulty)).to_lowercase();
        self.filter.value().to_lowercase().split_whitespace().all(|word| text.contains(word))
    }

    /// The list's lines; with a blank one before each domain where all of it fits into `height`.
    fn entries(&self, height: usize) -> Vec<Entry<'_>> {
        let Some(catalogue) = &self.catalogue else { return Vec::new() };
        let shown = self.shown();
        let mut entries = Vec::new();
        for domain in &catalogue.domains {
            let of = shown.iter().filter(|scenario| scenario.domain == domain.id);
            let solved = of.clone().filter(|scenario| scenario.best == Some(100)).count();
            if of.clone().count() > 0 {
                entries.push(Entry::Domain(domain, solved, of.clone().count()));
                entries.extend(of.map(|scenario| Entry::Scenario(scenario)));
                entries.push(Entry::Blank);
            }
        }
        if entries.len() > height {
            entries.retain(|entry| !matches!(entry, Entry::Blank));
        }
        entries
    }

    /// Chooses a scenario by its id, whatever the filter.
    pub fn choose(&mut self, id: &str) {
        self.filter.reset();
        if let Some(place) = self.shown().iter().position(|scenario| scenario.id == id) {
            self.list.cursor = place;
        }
    }
}

fn bindings(model: &Model) -> Vec<Binding> {
    let home = &model.home;
    if home.filtering {
        // Typed keys come before these; the arrows still move.
        let mut all = vec![
            bind(&[], "⏎", ("Keep", "keep the filter"), Action::Filter),
            bind(&[], "Esc", ("Clear", "clear the filter"), Action::Back),
        ];
        all.push(bind(&[ctrl('c')], "^C", ("Quit", "quit"), Action::Quit).hidden());
        all.extend(moving());
        return all;
    }
    let mut all = match home.tab {
        0 => vec![
            bind(&[named(KeyCode::Enter)], "⏎", ("Start", "start the chosen task"), Action::Enter),
            bind(&[key('n')], "n", ("Next up", "start what is suggested next"), Action::Suggested),
            bind(&[key('/')], "/", ("Filter", "show only what contains these words"), Action::Filter),
        ],
        _ => {
            let goes_on = model.home.catalogue.as_ref().is_some_and(|catalogue| catalogue.under_way.is_some());
            let label = if goes_on { "Go on" } else { "Start" };
            vec![bind(&[named(KeyCode::Enter)], "⏎", (label, "start or go on with the exam"), Action::Enter)]
        }
    };
    all.extend(tabs_bindings());
    all.push(bind(&[key('R')], "R", ("Reload", "read the history again"), Action::Reload).hidden());
    if home.tab == 0 {
        all.push(bind(&[named(KeyCode::Esc)], "Esc", ("Clear", "clear the filter"), Action::Back).hidden());
    }
    all.extend(ending());
    all.extend(moving());
    all
}

/// The keys for the tabs, the same on all first screens.
pub fn tabs_bindings() -> Vec<Binding> {
    let tab = |number: usize, shown, help| {
        let digit = char::from_digit(number as u32 + 1, 10).unwrap_or('1');
        bind(&[key(digit)], shown, (TABS[number], help), Action::Tab(number)).hidden()
    };
    vec![
        bind(
            &[named(KeyCode::Tab), named(KeyCode::Right), key('l')],
            "Tab",
            ("Next tab", "the next tab"),
            Action::NextTab,
        ),
        tab(0, "1", "the tasks to practise"),
        tab(1, "2", "the exams"),
        tab(2, "3", "what was done so far"),
    ]
}

/// The keys that every first screen ends with.
pub fn ending() -> Vec<Binding> {
    vec![
        bind(&[key('?'), named(KeyCode::F(1))], "?", ("Help", "this list of keys"), Action::Help),
        bind(&[key('q'), ctrl('c')], "q", ("Quit", "quit"), Action::Quit),
    ]
}

fn typing(model: &mut Model, event: &KeyEvent) -> Option<Vec<Effect>> {
    let home = &mut model.home;
    if !home.filtering {
        return None;
    }
    match event.code {
        KeyCode::Enter => home.filtering = false,
        KeyCode::Esc => {
            home.filtering = false;
            home.filter.reset();
        }
        KeyCode::Up | KeyCode::Down | KeyCode::PageUp | KeyCode::PageDown => return None,
        KeyCode::Char('c') if event.modifiers.contains(KeyModifiers::CONTROL) => return None,
        _ => {
            home.filter.handle_event(&Event::Key(*event));
            home.list = List::default();
        }
    }
    Some(Vec::new())
}

/// Pasted text goes into the filter while it is typed.
pub fn paste(model: &mut Model, text: &str) -> Vec<Effect> {
    if model.home.filtering {
        let value = format!("{}{}", model.home.filter.value(), text.replace(['\n', '\r'], " "));
        model.home.filter = Input::new(value);
        model.home.list = List::default();
    }
    Vec::new()
}

fn act(model: &mut Model, action: &Action) -> Vec<Effect> {
    let page = usize::from(panes(model).0.height);
    match action {
        Action::Tab(tab) => return go(model, *tab),
        Action::NextTab => {
            let next = (model.home.tab + 1) % TABS.len();
            return go(model, next);
        }
        Action::Reload => return model.ask(Errand::Catalogue, Request::Catalogue),
        _ => {}
    }
    if model.home.tab == 1 {
        return exams::act(model, action);
    }
    match action {
        Action::Enter => start(model),
        Action::Suggested => {
            let next = model.home.catalogue.as_ref().and_then(|catalogue| catalogue.next.clone());
            let Some(next) = next else { return Vec::new() };
            model.home.choose(&next.scenario);
            start(model)
        }
        Action::Filter => {
            model.home.filtering = !model.home.filtering;
            Vec::new()
        }
        Action::Back => {
            model.home.filtering = false;
            model.home.filter.reset();
            Vec::new()
        }
        moving => {
            let count = model.home.shown().len();
            model.home.list.act(moving, count, page);
            Vec::new()
        }
    }
}

/// Shows a tab.
pub fn go(model: &mut Model, tab: usize) -> Vec<Effect> {
    model.home.filtering = false;
    if tab == 2 {
        model.place = Place::History;
        return model.ask(Errand::History, Request::History);
    }
    model.place = Place::Home;
    model.home.tab = tab;
    Vec::new()
}

/// Starts the chosen scenario.
fn start(model: &mut Model) -> Vec<Effect> {
    model.home.filtering = false;
    let Some(scenario) = model.home.chosen() else { return Vec::new() };
    let (id, missing) = (scenario.id.clone(), scenario.missing.clone());
    if let Some(missing) = missing {
        model.say(missing);
        return Vec::new();
    }
    if model.home.catalogue.as_ref().is_some_and(|catalogue| catalogue.under_way.is_some()) {
        model.overlays.push(Overlay::Confirm(Question::PracticeDuringExam(id)));
        return Vec::new();
    }
    model.ask(Errand::Open, Request::Practise { scenario: id, seed: None })
}

fn choose(model: &mut Model, row: usize) -> Vec<Effect> {
    let list = if model.home.tab == 1 { &mut model.home.exams } else { &mut model.home.list };
    list.cursor = row;
    Vec::new()
}

fn wheel(model: &mut Model, pane: Pane, action: &Action) {
    if pane == Pane::First {
        let (scenarios, page) = (model.home.shown().len(), usize::from(panes(model).0.height));
        let exams = model.home.catalogue.as_ref().map_or(0, |catalogue| catalogue.exams.len());
        match model.home.tab {
            0 => model.home.list.act(action, scenarios, page),
            _ => model.home.exams.act(action, exams, page),
        };
    }
}

fn follow(model: &mut Model) -> Vec<Effect> {
    let height = usize::from(panes(model).0.height);
    let shown = model.home.shown().len();
    let mut list = model.home.list;
    list.cursor = list.cursor.min(shown.saturating_sub(1));
    let entries = model.home.entries(height);
    let mut scenarios = 0..;
    let is_chosen = |entry: &Entry<'_>| matches!(entry, Entry::Scenario(_)) && scenarios.next() == Some(list.cursor);
    let row = entries.iter().position(is_chosen).unwrap_or(0);
    let rows = entries.len();
    // The head of a domain stays in sight with its first scenario.
    if row > 0 && matches!(entries.get(row - 1), Some(Entry::Domain(..))) {
        list.follow(row - 1, rows, height);
    }
    list.follow(row, rows, height);
    model.home.list = list;
    Vec::new()
}

/// The tabs, for the first line of all first screens.
pub fn head_of(model: &Model, shown: usize) -> Head {
    let theme = &model.theme;
    let mut left = vec![Piece::from(Span::styled(" ⎈ kubedrill ", theme.brand)), Span::raw("  ").into()];
    for (number, name) in TABS.iter().enumerate() {
        let style = if number == shown { theme.accent } else { theme.label };
        let mark = if number == shown { "▸" } else { " " };
        let span = Span::styled(format!("{mark}{} {name}", number + 1), style);
        left.push(Piece { span, action: Some(Action::Tab(number)) });
        left.push(Span::raw("  ").into());
    }
    let pack = model.home.catalogue.as_ref().map(|catalogue| catalogue.pack.clone()).unwrap_or_default();
    Head { left, right: vec![Span::styled(format!("{pack} "), theme.dim).into()] }
}

fn head(model: &Model) -> Head {
    head_of(model, model.home.tab)
}

/// The lists' rows and the details.
pub fn panes(model: &Model) -> (Rect, Rect) {
    let area = body(model.size);
    let next = if model.home.tab == 0 { 2 } else { 0 };
    let [_, area] = Layout::vertical([Constraint::Length(next), Constraint::Min(3)]).areas(area);
    let list = if area.width >= 130 { Constraint::Percentage(50) } else { Constraint::Percentage(58) };
    let [list, _, details] = Layout::horizontal([list, Constraint::Length(2), Constraint::Min(20)]).areas(area);
    (Rect { y: list.y + 1, height: list.height.saturating_sub(1), ..list }, details)
}

fn draw(model: &Model, canvas: &mut Canvas<'_, '_>, area: Rect) {
    if model.home.tab == 1 {
        return exams::draw(model, canvas);
    }
    let Some(catalogue) = &model.home.catalogue else {
        return canvas.line(area, Span::styled("  Reading the packs…", model.theme.dim));
    };
    draw_next(model, canvas, area, catalogue);
    let (list, details) = panes(model);
    draw_list(model, canvas, list);
    home_details::draw(model, canvas, details);
}

fn draw_next(model: &Model, canvas: &mut Canvas<'_, '_>, area: Rect, catalogue: &Catalogue) {
    let theme = &model.theme;
    let row = Rect { height: 1, ..area };
    if let Some(exam) = &catalogue.under_way {
        let left = model.until(exam.deadline);
        let text = match left {
            ..=0 => format!("{}: its time is up", exam.title),
            _ => format!("{} goes on: {} left", exam.title, crate::tui::parts::clock(left)),
        };
        canvas.line(
            row,
            vec![Span::styled("  Exam     ", theme.warn), Span::raw(text), Span::styled("  2 ⏎", theme.key)],
        );
        return canvas.hits.add(row, Target::Act(Action::Tab(1)));
    }
    let Some(next) = &catalogue.next else { return };
    let title = catalogue.scenarios.iter().find(|scenario| scenario.id == next.scenario).map(|s| s.title.as_str());
    let line = vec![
        Span::styled("  Next up  ", theme.accent),
        Span::styled("n  ", theme.key),
        Span::styled(title.unwrap_or(&next.scenario).to_owned(), theme.title),
        Span::styled(format!("  {}", next.why), theme.dim),
    ];
    canvas.line(row, line);
    canvas.hits.add(row, Target::Act(Action::Suggested));
}

fn draw_list(model: &Model, canvas: &mut Canvas<'_, '_>, area: Rect) {
    let home = &model.home;
    let theme = &model.theme;
    let above = Rect { y: area.y - 1, height: area.height + 1, ..area };
    let shown = home.shown().len();
    let filter = home.filter.value();
    let title = match (home.filtering, filter.is_empty()) {
        (true, _) => Title::new(format!("/{filter}")).focused(true),
        (false, true) => Title::new("Tasks").right(count(shown, "task")).focused(true),
        (false, false) => {
            Title::new(format!("/{filter}")).right(format!("{} · Esc clears", count(shown, "task"))).focused(true)
        }
    };
    ruled(canvas, above, &title);
    if home.filtering {
        canvas.frame.set_cursor_position((area.x + 3 + home.filter.visual_cursor() as u16, area.y - 1));
    }
    canvas.hits.add(area, Target::Pane(Pane::First));
    if shown == 0 {
        let told = if filter.is_empty() {
            "  There is nothing to practise: this pack is empty."
        } else {
            "  Nothing contains these words."
        };
        return canvas.line(area, Span::styled(told, theme.dim));
    }
    let mut number = 0;
    let entries = home.entries(usize::from(area.height));
    let before = entries.iter().take(home.list.offset).filter(|entry| matches!(entry, Entry::Scenario(_))).count();
    number += before;
    for (row, entry) in area.rows().zip(entries.iter().skip(home.list.offset)) {
        match entry {
            Entry::Blank => {}
            Entry::Domain(domain, solved, of) => draw_domain(canvas, row, domain, (*solved, *of)),
            Entry::Scenario(scenario) => {
                canvas.line(row, scenario_line(scenario, row.width, number == home.list.cursor, theme));
                if number == home.list.cursor {
                    canvas.paint(row, theme.selected);
                }
                canvas.hits.add(row, Target::Row(number));
                number += 1;
            }
        }
    }
}

fn draw_domain(canvas: &mut Canvas<'_, '_>, row: Rect, domain: &Domain, (solved, of): (usize, usize)) {
    let theme = canvas.theme;
    let wide = row.width >= 60;
    let mut right = if wide { bar(100.0 * solved as f64 / of.max(1) as f64, 8, theme) } else { Vec::new() };
    right.push(Span::styled(format!("{:>6} ", format!("{solved}/{of}")), theme.dim));
    let room = usize::from(row.width).saturating_sub(if wide { 24 } else { 15 });
    let title = Span::styled(format!(" {}", fit(&domain.title, room)), theme.heading);
    canvas.line(row, vec![title, Span::styled(format!("  {} %", domain.weight), theme.dim)]);
    canvas.line_right(row, right);
}

/// `▌✓ A Service that finds no Pods   ●●○   6 min  100 %`
fn scenario_line(scenario: &Scenario, width: u16, chosen: bool, theme: &Theme) -> Line<'static> {
    let (mark, mark_style) = score_mark(scenario.best, theme);
    let wide = width >= 60;
    let score = scenario.best.map(|best| format!("{best} %")).unwrap_or_default();
    let right = match wide {
        true => format!("{}  {:>3} min  {score:>5} ", dots(scenario.difficulty), scenario.minutes),
        false => format!("{:>3}m ", scenario.minutes),
    };
    let room = usize::from(width).saturating_sub(4 + right.chars().count() + 1);
    let title_style = if scenario.missing.is_some() { theme.dim } else { theme.text };
    Line::from(vec![
        Span::styled(if chosen { "▌" } else { " " }, theme.accent),
        Span::raw(" "),
        Span::styled(mark, mark_style),
        Span::raw(" "),
        Span::styled(pad(&scenario.title, room), title_style),
        Span::styled(format!(" {right}"), theme.dim),
    ])
}
