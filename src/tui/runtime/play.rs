//! The loop: one message at a time, a frame when something changed, on any backend and any source of events.
//! Decides nothing but when to draw.

use std::io;
use std::sync::Arc;

use crossterm::event::{Event, MouseEventKind};
use futures::{Stream, StreamExt};
use jiff::{SignedDuration, Timestamp};
use ratatui::Terminal;
use ratatui::backend::Backend;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use super::clicks::Clicks;
use super::shells::Shells;
use super::stage::Outside;
use crate::base::clock::Clock;
use crate::tui::desk::{Desk, Opening, Replies};
use crate::tui::hits::Hits;
use crate::tui::message::{Effect, Message, Order};
use crate::tui::model::{Model, Pace};
use crate::tui::theme::Theme;
use crate::tui::update::update;
use crate::tui::view::view;

/// While a shell writes without end, frames are this far apart.
const BETWEEN_FRAMES: SignedDuration = SignedDuration::from_millis(12);

/// Who plays with the screens: the desk, the clock, how it all looks and what comes first.
pub struct Cast {
    pub desk: Arc<dyn Desk>,
    pub clock: Clock,
    pub theme: Theme,
    pub opening: Opening,
}

/// The loop, on any backend and any source of events.
pub async fn play<B>(
    terminal: &mut Terminal<B>,
    mut input: impl Stream<Item = io::Result<Event>> + Unpin,
    outside: &mut dyn Outside,
    cast: Cast,
) -> io::Result<()>
where
    B: Backend,
    B::Error: Send + Sync + 'static,
{
    let size = terminal.size().map_err(io::Error::other)?;
    let mut play = Play::new((size.width, size.height), outside, cast);
    let first = play.model.begin(play.cast.opening.clone());
    play.follow(first);
    while !play.over {
        play.draw_if_due(terminal)?;
        let (clock, next_frame, next_tick) = (play.cast.clock, play.next_frame(), play.next_tick());
        let ticking = play.model.pace() != Pace::Still;
        tokio::select! {
            event = input.next() => match event {
                Some(event) => play.hear(event?),
                // The terminal is gone, or a signal asked us to end.
                None => play.over = true,
            },
            Some(message) = play.inbox.recv() => play.take(message),
            shell = play.shells.woken() => play.shell_woke(shell),
            () = clock.sleep_until(next_frame), if play.shell_drew => {}
            () = clock.sleep_until(next_tick), if ticking => play.tick(),
        }
        play.hear_what_waits(&mut input).await?;
    }
    Ok(())
}

struct Play<'a> {
    model: Model,
    cast: Cast,
    outside: &'a mut dyn Outside,
    sender: UnboundedSender<Message>,
    inbox: UnboundedReceiver<Message>,
    shells: Shells,
    hits: Hits,
    clicks: Clicks,
    /// Something drawn has changed.
    changed: bool,
    /// The shell that is seen has drawn.
    shell_drew: bool,
    last_frame: Timestamp,
    over: bool,
}

impl<'a> Play<'a> {
    fn new(size: (u16, u16), outside: &'a mut dyn Outside, cast: Cast) -> Self {
        let (sender, inbox) = unbounded_channel();
        let now = cast.clock.now();
        Self {
            model: Model::new(size, now, cast.theme.clone()),
            cast,
            outside,
            sender,
            inbox,
            shells: Shells::default(),
            hits: Hits::default(),
            clicks: Clicks::default(),
            changed: true,
            shell_drew: false,
            last_frame: Timestamp::MIN,
            over: false,
        }
    }

    /// Takes all that is there already, so that a burst costs one frame. Asked within `select`, which leaves the waker of this task with
    /// the input: it keeps the first it is given.
    async fn hear_what_waits(&mut self, input: &mut (impl Stream<Item = io::Result<Event>> + Unpin)) -> io::Result<()> {
        while !self.over {
            tokio::select! {
                biased;
                event = input.next() => match event {
                    Some(event) => self.hear(event?),
                    None => self.over = true,
                },
                Some(message) = self.inbox.recv() => self.take(message),
                () = std::future::ready(()) => break,
            }
        }
        Ok(())
    }

    fn hear(&mut self, event: Event) {
        let message = match event {
            Event::Key(key) => Message::Key(key),
            Event::Paste(text) => Message::Paste(text),
            Event::Resize(columns, rows) => Message::Resize(columns, rows),
            Event::Mouse(event) => {
                let (column, row) = (event.column, event.row);
                let wheel = matches!(event.kind, MouseEventKind::ScrollUp | MouseEventKind::ScrollDown);
                let target = if wheel { self.hits.wheel_at(column, row) } else { self.hits.at(column, row) };
                let clicks = self.clicks.count(&event, self.cast.clock.now());
                Message::Mouse { event, target: target.cloned(), clicks }
            }
            Event::FocusGained | Event::FocusLost => return,
        };
        self.take(message);
    }

    fn take(&mut self, message: Message) {
        self.bring_up_to_date();
        let moved = matches!(&message, Message::Mouse { event, .. } if event.kind == MouseEventKind::Moved);
        let effects = update(&mut self.model, message);
        // A key that only went on to the shell shows nothing before the shell has drawn.
        let passed_on = |effect: &Effect| matches!(effect, Effect::Shell { order: Order::Key(_), .. });
        let nothing = moved || (!effects.is_empty() && effects.iter().all(passed_on));
        self.changed |= !nothing;
        self.follow(effects);
    }

    /// A model that has not heard the time for long must not reckon with the old one.
    fn bring_up_to_date(&mut self) {
        let now = self.cast.clock.now();
        if now.duration_since(self.model.now) > SignedDuration::from_millis(250) {
            let effects = update(&mut self.model, Message::Tick(now));
            self.follow(effects);
        }
    }

    fn tick(&mut self) {
        self.changed = true;
        let effects = update(&mut self.model, Message::Tick(self.cast.clock.now()));
        self.follow(effects);
    }

    /// On the next full second of a clock, or a tenth of a second on.
    fn next_tick(&self) -> Timestamp {
        let shown = self.model.now;
        let next = match self.model.pace() {
            Pace::Turning => shown.checked_add(SignedDuration::from_millis(100)),
            Pace::Clock | Pace::Still => Timestamp::from_second(shown.as_second() + 1),
        };
        next.unwrap_or(Timestamp::MAX)
    }

    fn next_frame(&self) -> Timestamp {
        self.last_frame.saturating_add(BETWEEN_FRAMES).unwrap_or(Timestamp::MAX)
    }

    fn shell_woke(&mut self, shell: u64) {
        self.shell_drew |= self.model.visible_shell() == Some(shell);
        if let Some(text) = self.shells.take_copied(shell) {
            self.outside.copy(&text);
        }
        if let Some(said) = self.shells.end_of(shell) {
            self.take(Message::Shell { shell, said });
        }
    }

    fn draw_if_due<B>(&mut self, terminal: &mut Terminal<B>) -> io::Result<()>
    where
        B: Backend,
        B::Error: Send + Sync + 'static,
    {
        let now = self.cast.clock.now();
        let due = self.changed || (self.shell_drew && now >= self.next_frame());
        if !due {
            return Ok(());
        }
        let visible = self.model.visible_shell();
        if let Some((shell, said)) = visible.and_then(|shell| Some((shell, self.shells.screen(shell)?))) {
            let effects = update(&mut self.model, Message::Shell { shell, said });
            self.follow(effects);
        }
        self.outside.begin_frame();
        let drawn = terminal.draw(|frame| self.hits = view(&self.model, frame)).map(|_| ());
        self.outside.end_frame(self.model.task().and_then(|task| task.screen.cursor));
        (self.changed, self.shell_drew, self.last_frame) = (false, false, now);
        drawn.map_err(io::Error::other)
    }

    fn follow(&mut self, effects: Vec<Effect>) {
        for effect in effects {
            match effect {
                Effect::Ask { ticket, request } => {
                    self.cast.desk.ask(request, Replies::new(ticket, self.sender.clone()));
                }
                Effect::Shell { shell, order } => {
                    if let Some(said) = self.shells.obey(shell, order, self.outside) {
                        // Through the inbox: what it changes is drawn with the next frame.
                        let _ = self.sender.send(Message::Shell { shell, said });
                    }
                }
                Effect::Copy(text) => self.outside.copy(&text),
                Effect::Quit => self.over = true,
            }
        }
    }
}
