//! The loop with everything real but the terminal: a desk that answers later, a shell that runs, frames that are drawn.
//! Nothing sleeps: the test waits for a frame that shows what is meant, within a bound.

use std::convert::Infallible;
use std::io;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use crossterm::event::{Event, KeyCode, KeyEvent, KeyModifiers};
use futures::stream;
use kubedrill::base::clock::Clock;
use kubedrill::tui::desk::{Desk, News, Opening, Replies, Request};
use kubedrill::tui::runtime::play::{Cast, play};
use kubedrill::tui::runtime::stage::Outside;
use kubedrill::tui::theme::{Depth, Theme};
use ratatui::Terminal;
use ratatui::backend::{Backend, ClearType, TestBackend, WindowSize};
use ratatui::buffer::Cell;
use ratatui::layout::{Position, Size};
use tokio::sync::{mpsc, watch};

use crate::screens_desk::FakeDesk;

/// A terminal in memory that shows each finished frame to the test.
struct Watched {
    inner: TestBackend,
    seen: watch::Sender<(usize, String)>,
}

impl Backend for Watched {
    type Error = Infallible;

    fn draw<'a, I: Iterator<Item = (u16, u16, &'a Cell)>>(&mut self, content: I) -> Result<(), Infallible> {
        self.inner.draw(content)
    }

    fn hide_cursor(&mut self) -> Result<(), Infallible> {
        self.inner.hide_cursor()
    }

    fn show_cursor(&mut self) -> Result<(), Infallible> {
        self.inner.show_cursor()
    }

    fn get_cursor_position(&mut self) -> Result<Position, Infallible> {
        self.inner.get_cursor_position()
    }

    fn set_cursor_position<P: Into<Position>>(&mut self, position: P) -> Result<(), Infallible> {
        self.inner.set_cursor_position(position)
    }

    fn clear(&mut self) -> Result<(), Infallible> {
        self.inner.clear()
    }

    fn clear_region(&mut self, clear_type: ClearType) -> Result<(), Infallible> {
        self.inner.clear_region(clear_type)
    }

    fn size(&self) -> Result<Size, Infallible> {
        self.inner.size()
    }

    fn window_size(&mut self) -> Result<WindowSize, Infallible> {
        self.inner.window_size()
    }

    fn flush(&mut self) -> Result<(), Infallible> {
        let text = self.inner.to_string();
        self.seen.send_modify(|(frames, seen)| {
            *frames += 1;
            *seen = text;
        });
        self.inner.flush()
    }
}

struct Clipboard(watch::Sender<Vec<String>>);

impl Outside for Clipboard {
    fn copy(&mut self, text: &str) {
        self.0.send_modify(|copied| copied.push(text.to_owned()));
    }
}

/// Answers from another task, as a real desk does; a bash without a learner's settings is the shell.
struct LaterDesk(Mutex<FakeDesk>);

impl Desk for LaterDesk {
    fn ask(&self, request: Request, replies: Replies) {
        let answers = self.0.lock().expect("nobody panicked").answer(request);
        tokio::spawn(async move {
            for mut news in answers {
                if let News::TaskOpened(opened) = &mut news {
                    opened.shell.args = ["--norc", "--noprofile", "-i"].map(str::to_owned).to_vec();
                }
                replies.send(news);
                tokio::task::yield_now().await;
            }
        });
    }
}

/// The learner: sends events, sees frames.
struct Learner {
    events: mpsc::UnboundedSender<Event>,
    seen: watch::Receiver<(usize, String)>,
    copied: watch::Receiver<Vec<String>>,
}

impl Learner {
    fn keys(&self, text: &str) {
        for c in text.chars() {
            let code = if c == '\n' { KeyCode::Enter } else { KeyCode::Char(c) };
            self.press(code);
        }
    }

    fn press(&self, code: KeyCode) {
        self.events.send(Event::Key(KeyEvent::new(code, KeyModifiers::NONE))).expect("the loop runs");
    }

    async fn until(&mut self, text: &str) -> String {
        let mut seen = self.seen.clone();
        let shown = seen.wait_for(|(_, seen)| seen.contains(text));
        match tokio::time::timeout(Duration::from_secs(60), shown).await {
            Ok(seen) => seen.expect("the loop runs").1.clone(),
            Err(_) => panic!("never shown: {text}\n{}", self.seen.borrow().1),
        }
    }

    /// All that was put on the clipboard, once something was. A frame may show what stands behind it in the shell's output before.
    async fn copied(&mut self) -> Vec<String> {
        let something = self.copied.wait_for(|copied| !copied.is_empty());
        let copied = tokio::time::timeout(Duration::from_secs(60), something).await.expect("copied in time");
        copied.expect("the loop runs").clone()
    }

    fn frames(&self) -> usize {
        self.seen.borrow().0
    }
}

/// Runs a learner's session against the loop, until the learner is done.
async fn session(opening: Opening, act: impl AsyncFnOnce(&mut Learner)) {
    let (events, mut inbox) = mpsc::unbounded_channel();
    let input = Box::pin(stream::poll_fn(move |cx| inbox.poll_recv(cx).map(|event| event.map(io::Result::Ok))));
    let (seen, watched) = watch::channel((0, String::new()));
    let mut terminal = Terminal::new(Watched { inner: TestBackend::new(80, 24), seen }).expect("a terminal in memory");
    let (clipboard, copied) = watch::channel(Vec::new());
    let mut outside = Clipboard(clipboard);
    let desk = Arc::new(LaterDesk(Mutex::default()));
    let cast = Cast { desk, clock: Clock::system(), theme: Theme::named("dark", Depth::True), opening };
    let mut learner = Learner { events, seen: watched, copied };
    let acting = async {
        act(&mut learner).await;
        drop(learner);
    };
    let (played, ()) = tokio::join!(play(&mut terminal, input, &mut outside, cast), acting);
    played.expect("the loop ends well");
}

#[tokio::test]
async fn a_learner_types_into_a_real_shell_and_grades() {
    session(Opening::Home, async |learner| {
        learner.until("Undo a broken rollout").await;
        learner.keys("\n");
        learner.until("Terminal").await;
        learner.until("$").await;
        learner.keys("echo $((6*7)) $COLUMNS\n");
        learner.until("42 80").await;
        learner.press(KeyCode::F(3));
        learner.keys("clear; stty size\n");
        learner.until("21 80").await;
        learner.keys("printf '\\033]52;c;aGVsbG8=\\007'; echo co''pied\n");
        learner.until("copied").await;
        assert_eq!(learner.copied().await, ["hello"]);
        learner.keys("exit 7\n");
        learner.until("The last one ended with code 7").await;
        learner.press(KeyCode::F(5));
        learner.until("3 of 7 points").await;
    })
    .await;
}

#[tokio::test]
async fn a_shell_that_ended_can_be_started_anew() {
    session(Opening::Home, async |learner| {
        learner.until("Undo a broken rollout").await;
        learner.keys("\n");
        learner.until("$").await;
        learner.keys("exit\n");
        learner.until("The last one ended with code 0").await;
        learner.keys("\n");
        learner.keys("echo a''gain\n");
        learner.until("again").await;
    })
    .await;
}

#[tokio::test]
async fn a_flood_in_the_pane_neither_blocks_keys_nor_draws_every_line() {
    session(Opening::Home, async |learner| {
        learner.until("Undo a broken rollout").await;
        learner.keys("\n");
        learner.until("$").await;
        learner.keys("yes\n");
        learner.until("\"y  ").await;
        let before = learner.frames();
        learner.press(KeyCode::F(5));
        learner.until("3 of 7 points").await;
        assert!(learner.frames() - before < 500, "frames keep their distance");
        learner.press(KeyCode::Enter);
        learner
            .events
            .send(Event::Key(KeyEvent::new(KeyCode::Char('c'), KeyModifiers::CONTROL)))
            .expect("the loop runs");
        learner.keys("clear; echo en''ded\n");
        learner.until("ended").await;
    })
    .await;
}

#[tokio::test]
async fn a_command_can_begin_with_a_task() {
    let opening = Opening::Practise { scenario: "rollout-undo".into(), seed: Some(7) };
    session(opening, async |learner| {
        learner.until("Terminal").await;
        learner.press(KeyCode::F(10));
        learner.keys("y");
        learner.until("Next up").await;
        learner.keys("q");
    })
    .await;
}
