//! Where a program's input comes from and where its output goes: logs, pipes, terminals, files.
//! Waiting for input and for room is the engine's; what a terminal does with keys is `terminal.rs`.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;

use super::engine::Engine;
use super::files::Files;
use super::terminal::Terminal;

/// So much fits into a pipe that nobody reads.
const PIPE: usize = 64 * 1024;
/// So many lines of a log are kept; older ones are gone, as after a rotation.
const LINES: usize = 50_000;
/// Longer lines are broken, as the runtime does.
const LONGEST_LINE: usize = 16 * 1024;

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// One of the two streams a program writes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stream {
    Output,
    Errors,
}

impl Stream {
    /// As the runtime calls it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Output => "stdout",
            Self::Errors => "stderr",
        }
    }
}

/// A line of a log: when and where it was written, and what.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    pub time: Timestamp,
    pub stream: Stream,
    pub text: Arc<str>,
    /// Whether it has no line break: the last one of a stream, or a part of one that is too long.
    pub open: bool,
}

impl Line {
    /// What was written, with the line break if there was one.
    pub fn written(&self) -> [&str; 2] {
        [&self.text, if self.open { "" } else { "\n" }]
    }
}

/// What was written to a log by some moment. Shares its lines, so it costs little.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Written {
    pub lines: Arc<VecDeque<Line>>,
    /// How many lines are gone.
    pub gone: usize,
    /// What each stream has written of a line.
    pub unfinished: [Vec<u8>; 2],
}

impl Written {
    /// How many lines were ever written.
    pub fn count(&self) -> usize {
        self.gone + self.lines.len()
    }

    /// Adds a line; the oldest goes when there are too many.
    pub fn push(&mut self, line: Line) {
        let lines = Arc::make_mut(&mut self.lines);
        lines.push_back(line);
        if lines.len() > LINES {
            lines.pop_front();
            self.gone += 1;
        }
    }
}

#[derive(Default)]
struct Lines {
    written: Written,
    /// Who reads along: pipes for output and errors.
    followers: Vec<[Writer; 2]>,
}

/// What a container has written, by line.
#[derive(Default)]
pub struct Log(Mutex<Lines>);

impl Log {
    /// Adds what is written.
    pub fn write(&self, stream: Stream, bytes: &[u8], now: Timestamp) {
        let mut lines = lock(&self.0);
        lines.followers.retain(|[output, _]| output.is_read());
        lines.followers.iter().for_each(|follower| follower[stream as usize].push(bytes));
        for part in bytes.split_inclusive(|byte| *byte == b'\n') {
            let unfinished = &mut lines.written.unfinished[stream as usize];
            unfinished.extend_from_slice(part);
            if part.ends_with(b"\n") || unfinished.len() >= LONGEST_LINE {
                lines.end(stream, now);
            }
        }
    }

    /// Ends lines that have no end; who reads along reads no more.
    pub fn finish(&self, now: Timestamp) {
        let mut lines = lock(&self.0);
        for stream in [Stream::Output, Stream::Errors] {
            if !lines.written.unfinished[stream as usize].is_empty() {
                lines.end(stream, now);
            }
        }
        lines.followers.clear();
    }

    /// What is written from now on, output and errors; with `whole`, what was written before comes first.
    pub fn follow(&self, engine: &Engine, whole: bool) -> Both {
        let ([output, errors], both) = Pipe::both(engine);
        let mut lines = lock(&self.0);
        if whole {
            let each = |line: &Line| {
                let to = if line.stream == Stream::Output { &output } else { &errors };
                to.push(line.written().concat().as_bytes());
            };
            lines.written.lines.iter().for_each(each);
            lines.written.unfinished.iter().for_each(|part| output.push(part));
        }
        lines.followers.push([output, errors]);
        both
    }

    /// The lines from the `from`th on, counted from the first ever written, and how many there were.
    pub fn lines(&self, from: usize) -> (Vec<Line>, usize) {
        let lines = lock(&self.0);
        let written = &lines.written;
        let new = written.lines.iter().skip(from.saturating_sub(written.gone));
        (new.cloned().collect(), written.count())
    }

    /// What is in it now.
    pub fn written(&self) -> Written {
        lock(&self.0).written.clone()
    }

    /// Makes it hold what was written once.
    pub fn set(&self, written: Written) {
        lock(&self.0).written = written;
    }
}

impl Lines {
    fn end(&mut self, stream: Stream, now: Timestamp) {
        let mut bytes = std::mem::take(&mut self.written.unfinished[stream as usize]);
        let open = bytes.pop_if(|last| *last == b'\n').is_none();
        self.written.push(Line { time: now, stream, text: String::from_utf8_lossy(&bytes).into(), open });
    }
}

#[derive(Default)]
struct Flow {
    bytes: VecDeque<u8>,
    writers: usize,
    readers: usize,
}

/// Which of two pipes was written to, and how many bytes, one after the other.
type Order = Arc<Mutex<VecDeque<(Stream, usize)>>>;

/// A pipe. Its ends close when they are dropped.
pub struct Pipe;

/// The end one writes to.
pub struct Writer {
    engine: Engine,
    flow: Arc<Mutex<Flow>>,
    order: Option<(Stream, Order)>,
}

/// The ends one reads from of a pipe for output and one for errors.
pub struct Both {
    output: Reader,
    errors: Reader,
    order: Order,
}

impl Both {
    /// What there is to read, in the order it was written, without waiting.
    pub fn take(&self) -> Vec<(Stream, Vec<u8>)> {
        let mut order = lock(&self.order);
        let (mut output, mut errors) = (VecDeque::from(self.output.take()), VecDeque::from(self.errors.take()));
        let mut parts: Vec<(Stream, Vec<u8>)> = Vec::new();
        for (stream, length) in order.drain(..) {
            let from = if stream == Stream::Output { &mut output } else { &mut errors };
            let bytes = from.drain(..length.min(from.len()));
            match parts.last_mut() {
                Some((last, part)) if *last == stream => part.extend(bytes),
                _ => parts.push((stream, bytes.collect())),
            }
        }
        parts.retain(|(_, part)| !part.is_empty());
        parts
    }
}

/// The end one reads from.
pub struct Reader {
    engine: Engine,
    flow: Arc<Mutex<Flow>>,
}

impl Pipe {
    /// Both ends of a new one.
    pub fn ends(engine: &Engine) -> (Writer, Reader) {
        let flow = Arc::new(Mutex::new(Flow { writers: 1, readers: 1, ..Flow::default() }));
        (Writer { engine: engine.clone(), flow: flow.clone(), order: None }, Reader { engine: engine.clone(), flow })
    }

    /// Two new ones, for output and for errors, read together.
    pub fn both(engine: &Engine) -> ([Writer; 2], Both) {
        let ((mut out, output), (mut err, errors)) = (Self::ends(engine), Self::ends(engine));
        let order = Order::default();
        out.order = Some((Stream::Output, order.clone()));
        err.order = Some((Stream::Errors, order.clone()));
        ([out, err], Both { output, errors, order })
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        lock(&self.flow).writers -= 1;
        self.engine.stir();
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        lock(&self.flow).readers -= 1;
        self.engine.stir();
    }
}

impl Writer {
    /// Puts bytes in; waits while the pipe is full. False when nobody will read them.
    pub async fn write(&self, bytes: &[u8]) -> bool {
        let flow = &self.flow;
        self.engine.until(|| lock(flow).bytes.len() < PIPE || lock(flow).readers == 0).await;
        if !self.is_read() {
            return false;
        }
        self.push(bytes);
        true
    }

    /// Puts bytes in without waiting.
    pub fn push(&self, bytes: &[u8]) {
        match &self.order {
            Some((stream, order)) => {
                let mut order = lock(order);
                order.push_back((*stream, bytes.len()));
                lock(&self.flow).bytes.extend(bytes);
            }
            None => lock(&self.flow).bytes.extend(bytes),
        }
        self.engine.stir();
    }

    /// Whether somebody may still read it.
    fn is_read(&self) -> bool {
        lock(&self.flow).readers > 0
    }
}

impl Reader {
    /// What there is to read, without waiting.
    pub fn take(&self) -> Vec<u8> {
        let mut flow = lock(&self.flow);
        if flow.bytes.is_empty() {
            return Vec::new();
        }
        let bytes = std::mem::take(&mut flow.bytes).into();
        drop(flow);
        self.engine.stir();
        bytes
    }

    /// What there is to read, once there is something; `None` at the end.
    async fn some(&self) -> Option<Vec<u8>> {
        let flow = &self.flow;
        self.engine.until(|| lock(flow).writers == 0 || !lock(flow).bytes.is_empty()).await;
        Some(self.take()).filter(|bytes| !bytes.is_empty())
    }

    /// A line with its end, or the rest; `None` at the end.
    async fn line(&self) -> Option<Vec<u8>> {
        let flow = &self.flow;
        self.engine.until(|| lock(flow).writers == 0 || lock(flow).bytes.contains(&b'\n')).await;
        let mut flow = lock(&self.flow);
        if flow.bytes.is_empty() {
            return None;
        }
        let end = flow.bytes.iter().position(|byte| *byte == b'\n').map_or(flow.bytes.len(), |end| end + 1);
        let line = flow.bytes.drain(..end).collect();
        drop(flow);
        self.engine.stir();
        Some(line)
    }
}

/// Where output goes. Cheap to clone.
#[derive(Clone)]
pub enum Output {
    Nowhere,
    Log(Arc<Log>, Stream),
    Pipe(Arc<Writer>),
    Terminal(Arc<Terminal>),
    /// Kept for whoever started the program.
    Kept(Arc<Mutex<Vec<u8>>>),
    File(Arc<Files>, String),
}

/// Where input comes from. Cheap to clone; clones share what is left.
#[derive(Clone)]
pub enum Input {
    Nothing,
    Text(Arc<Mutex<VecDeque<u8>>>),
    Pipe(Arc<Reader>),
    Terminal(Arc<Terminal>),
}

impl Output {
    /// Somewhere to keep output, and the place.
    pub fn kept() -> (Self, Arc<Mutex<Vec<u8>>>) {
        let kept = Arc::default();
        (Self::Kept(Arc::clone(&kept)), kept)
    }

    /// Writes; false when nobody will read it.
    pub async fn write(&self, engine: &Engine, bytes: &[u8]) -> bool {
        match self {
            Self::Nowhere => true,
            Self::Pipe(pipe) => pipe.write(bytes).await,
            Self::Log(log, stream) => {
                log.write(*stream, bytes, engine.now());
                true
            }
            Self::Terminal(terminal) => terminal.write(engine, bytes).await,
            Self::Kept(kept) => {
                let mut kept = lock(kept);
                // More than anybody can want to look at.
                if kept.len() < 8 << 20 {
                    kept.extend_from_slice(bytes);
                }
                drop(kept);
                engine.stir();
                true
            }
            Self::File(files, path) => {
                let written = files.write(path, bytes, true, engine.now()).is_ok();
                engine.stir();
                written
            }
        }
    }
}

impl Input {
    /// The terminal it is, if it is one.
    pub fn terminal(&self) -> Option<&Arc<Terminal>> {
        match self {
            Self::Terminal(terminal) => Some(terminal),
            _ => None,
        }
    }

    /// A text to read.
    pub fn text(text: impl Into<Vec<u8>>) -> Self {
        Self::Text(Arc::new(Mutex::new(VecDeque::from(text.into()))))
    }

    /// A line with its end, or the rest; `None` at the end.
    pub async fn line(&self) -> Option<Vec<u8>> {
        match self {
            Self::Nothing => None,
            Self::Pipe(pipe) => pipe.line().await,
            Self::Terminal(terminal) => terminal.line().await,
            Self::Text(text) => {
                let mut text = lock(text);
                if text.is_empty() {
                    return None;
                }
                let end = text.iter().position(|byte| *byte == b'\n').map_or(text.len(), |end| end + 1);
                Some(text.drain(..end).collect())
            }
        }
    }

    /// Everything there is to come.
    pub async fn rest(&self) -> Vec<u8> {
        let mut all = Vec::new();
        while let Some(part) = self.some().await {
            all.extend(part);
        }
        all
    }

    /// What comes next, in no particular size; `None` at the end.
    pub async fn some(&self) -> Option<Vec<u8>> {
        match self {
            Self::Pipe(pipe) => pipe.some().await,
            _ => self.line().await,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_knows_where_each_line_was_written() {
        let (log, now) = (Log::default(), Timestamp::UNIX_EPOCH);
        log.write(Stream::Output, b"one\ntw", now);
        log.write(Stream::Errors, b"oh\n", now);
        log.write(Stream::Output, b"o\n", now);
        let (lines, count) = log.lines(1);
        let told: Vec<(&str, &str)> = lines.iter().map(|line| (line.stream.word(), &*line.text)).collect();
        assert_eq!((told.as_slice(), count), ([("stderr", "oh"), ("stdout", "two")].as_slice(), 3));
        log.write(Stream::Output, b"three", now);
        log.finish(now);
        let written: Vec<String> = log.lines(2).0.iter().map(|line| line.written().concat()).collect();
        assert_eq!(written, ["two\n", "three"]);
    }
}
