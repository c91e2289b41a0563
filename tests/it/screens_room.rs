//! A room for tests: the state machine with a desk, keys in, screen out, without a terminal, a clock or a shell.
//! What a learner would do stands in `screens`.

use std::collections::VecDeque;
use std::sync::Arc;

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers, MouseButton, MouseEvent, MouseEventKind};
use kubedrill::pty::{Screen, Size};
use kubedrill::tui::action::Action;
use kubedrill::tui::desk::{News, Opening, Request};
use kubedrill::tui::hits::Hits;
use kubedrill::tui::message::{Effect, Message, Order, ShellSaid};
use kubedrill::tui::model::Model;
use kubedrill::tui::theme::{Depth, Theme};
use kubedrill::tui::update::update;
use kubedrill::tui::view::view;
use ratatui::Terminal;
use ratatui::backend::TestBackend;

use crate::screens_desk::{FakeDesk, now};

/// What a shell shows in tests.
const PROMPT: &str = "learner@base:~$ kubectl -n vega get deployment web\n\
                      NAME   READY   UP-TO-DATE   AVAILABLE   AGE\n\
                      web    1/3     1            1           4m2s\n\
                      learner@base:~$ ";

/// The screens, driven.
pub struct Room {
    pub model: Model,
    pub desk: FakeDesk,
    pub hits: Hits,
    /// What went to the clipboard.
    pub copied: Vec<String>,
    /// What shells were ordered to do.
    pub orders: Vec<(u64, Order)>,
    pub quit: bool,
    /// Answers not given yet, when they are held back.
    pub held: VecDeque<Message>,
    pub holding: bool,
    terminal: Terminal<TestBackend>,
}

impl Room {
    /// A room of this size in columns and rows, with the catalogue read.
    pub fn new(columns: u16, rows: u16) -> Self {
        Self::with(columns, rows, FakeDesk::default())
    }

    pub fn with(columns: u16, rows: u16, desk: FakeDesk) -> Self {
        let terminal = Terminal::new(TestBackend::new(columns, rows)).expect("a terminal in memory");
        let model = Model::new((columns, rows), now(0), Theme::named("dark", Depth::True));
        let mut room = Self {
            model,
            desk,
            hits: Hits::default(),
            copied: Vec::new(),
            orders: Vec::new(),
            quit: false,
            held: VecDeque::new(),
            holding: false,
            terminal,
        };
        let effects = room.model.begin(Opening::Home);
        room.follow(effects);
        room
    }

    /// Presses keys: characters as they are, others as `<ret>`, `<esc>`, `<f5>`, `<c-g>`, `<s-pgup>`.
    pub fn keys(&mut self, keys: &str) -> &mut Self {
        let mut rest = keys;
        while let Some(c) = rest.chars().next() {
            let named = rest.strip_prefix('<').and_then(|rest| rest.split_once('>'));
            let event = match named {
                Some((name, after)) => {
                    rest = after;
                    key(name)
                }
                None => {
                    rest = &rest[c.len_utf8()..];
                    KeyEvent::new(KeyCode::Char(c), KeyModifiers::NONE)
                }
            };
            self.send(Message::Key(event));
        }
        self
    }

    pub fn send(&mut self, message: Message) -> &mut Self {
        let effects = update(&mut self.model, message);
        self.follow(effects);
        self
    }

    /// The clock goes on by so many seconds.
    pub fn pass(&mut self, seconds: i64) -> &mut Self {
        let then = self.model.now + jiff::SignedDuration::from_secs(seconds);
        self.send(Message::Tick(then))
    }

    /// Clicks where the frame shows this action.
    pub fn click(&mut self, action: &Action) -> &mut Self {
        self.screen();
        let place = self.hits.place_of(action).unwrap_or_else(|| panic!("nothing to click for {action:?}"));
        self.click_at(place, 1)
    }

    pub fn click_at(&mut self, place: (u16, u16), clicks: u8) -> &mut Self {
        self.mouse(MouseEventKind::Down(MouseButton::Left), place, clicks)
    }

    pub fn mouse(&mut self, kind: MouseEventKind, (column, row): (u16, u16), clicks: u8) -> &mut Self {
        self.screen();
        let event = MouseEvent { kind, column, row, modifiers: KeyModifiers::NONE };
        let wheel = matches!(kind, MouseEventKind::ScrollUp | MouseEventKind::ScrollDown);
        let target = if wheel { self.hits.wheel_at(column, row) } else { self.hits.at(column, row) }.cloned();
        self.send(Message::Mouse { event, target, clicks })
    }

    /// Clicks the first place where this text is shown.
    pub fn click_text(&mut self, text: &str, clicks: u8) -> &mut Self {
        let screen = self.screen();
        let found = screen
            .lines()
            .enumerate()
            .find_map(|(row, line)| line.find(text).map(|byte| (line[..byte].chars().count() as u16, row as u16)));
        self.click_at(found.unwrap_or_else(|| panic!("{text:?} is not on the screen:\n{screen}")), clicks)
    }

    pub fn resize(&mut self, columns: u16, rows: u16) -> &mut Self {
        self.terminal.backend_mut().resize(columns, rows);
        self.send(Message::Resize(columns, rows))
    }

    /// The terminal has another size already, and the screens have not heard of it.
    pub fn resize_unheard(&mut self, columns: u16, rows: u16) {
        self.terminal.backend_mut().resize(columns, rows);
    }

    /// The desk's answers wait until [`Room::release`].
    pub fn hold(&mut self) -> &mut Self {
        self.holding = true;
        self
    }

    /// Gives so many of the answers held back.
    pub fn release(&mut self, answers: usize) -> &mut Self {
        for _ in 0..answers {
            if let Some(message) = self.held.pop_front() {
                let effects = update(&mut self.model, message);
                self.follow(effects);
            }
        }
        self
    }

    /// What is on the screen, without trailing blanks.
    pub fn screen(&mut self) -> String {
        let (model, hits) = (&self.model, &mut self.hits);
        self.terminal.draw(|frame| *hits = view(model, frame)).expect("drawing in memory");
        let text = self.terminal.backend().to_string();
        let lines: Vec<String> =
            text.lines().map(|line| line.trim_start_matches('"').trim_end_matches('"').trim_end().to_owned()).collect();
        lines.join("\n")
    }

    fn follow(&mut self, effects: Vec<Effect>) {
        for effect in effects {
            match effect {
                Effect::Ask { ticket, request } => {
                    let lasts = request == Request::Attend;
                    for news in self.desk.answer(request) {
                        self.hear(Message::News { ticket, news });
                    }
                    if !lasts {
                        self.hear(Message::Ended { ticket });
                    }
                }
                Effect::Shell { shell, order } => {
                    if let Order::Start(_, size) | Order::Resize(size) = &order {
                        let said = ShellSaid::Drew(Arc::new(Screen::of_text(PROMPT, *size)));
                        self.hear(Message::Shell { shell, said });
                    }
                    self.orders.push((shell, order));
                }
                Effect::Copy(text) => self.copied.push(text),
                Effect::Quit => self.quit = true,
            }
        }
    }

    fn hear(&mut self, message: Message) {
        let is_news = matches!(message, Message::News { .. } | Message::Ended { .. });
        let late = matches!(&message, Message::News { news: News::Catalogue(_), .. });
        if self.holding && is_news && !late {
            self.held.push_back(message);
        } else {
            self.send(message);
        }
    }

    /// The keys that went to shells, as characters.
    pub fn typed(&self) -> String {
        let character = |(_, order): &(u64, Order)| match order {
            Order::Key(KeyEvent { code: KeyCode::Char(c), .. }) => Some(*c),
            Order::Key(KeyEvent { code: KeyCode::Enter, .. }) => Some('⏎'),
            _ => None,
        };
        self.orders.iter().filter_map(character).collect()
    }

    /// The size the latest shell was told.
    pub fn shell_size(&self) -> Option<Size> {
        self.orders.iter().rev().find_map(|(_, order)| match order {
            Order::Start(_, size) | Order::Resize(size) => Some(*size),
            _ => None,
        })
    }
}

fn key(name: &str) -> KeyEvent {
    let (modifiers, name) = match name.split_once('-') {
        Some(("c", name)) => (KeyModifiers::CONTROL, name),
        Some(("s", name)) => (KeyModifiers::SHIFT, name),
        _ => (KeyModifiers::NONE, name),
    };
    let code = match name {
        "ret" => KeyCode::Enter,
        "esc" => KeyCode::Esc,
        "tab" => KeyCode::Tab,
        "up" => KeyCode::Up,
        "down" => KeyCode::Down,
        "end" => KeyCode::End,
        "home" => KeyCode::Home,
        "pgup" => KeyCode::PageUp,
        "pgdn" => KeyCode::PageDown,
        "back" => KeyCode::Backspace,
        "lt" => KeyCode::Char('<'),
        one if one.chars().count() == 1 => KeyCode::Char(one.chars().next().unwrap_or(' ')),
        f => KeyCode::F(f.trim_start_matches('f').parse().unwrap_or_else(|_| panic!("no key is called <{f}>"))),
    };
    KeyEvent::new(code, modifiers)
}
