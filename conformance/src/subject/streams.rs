//! Reads what an adapter writes, and never holds more of it than a bound.

use std::{
    io::{self, BufRead, ErrorKind, Read},
    process::ChildStdin,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        mpsc::{self, Receiver},
    },
    thread,
    time::{Duration, Instant},
};

use super::{
    isolation::{self, Output},
    memory_report::{self, Scanner},
};

/// The longest line that is read from an adapter, in bytes.
pub(crate) const LINE_LIMIT: usize = 16 << 20;

/// How much of the standard output is read at a time, in bytes.
const CHUNK: usize = 8192;

/// How much of an adapter's standard error is kept, in bytes.
const TAIL: usize = 4096;

/// What comes from the standard output of an adapter. After anything but a text nothing more comes than the end.
#[derive(Debug)]
pub(crate) enum Line {
    /// A line.
    Text(String),
    /// The output ended in the middle of a line.
    Half,
    /// A line that is longer than the limit; the rest is not read.
    TooLong,
    /// The output has ended.
    End,
}

/// Reads lines, in the thread that waits for them: a child whose lines nobody takes has to wait.
#[derive(Debug)]
pub(super) struct Lines {
    output: Output,
    chunk: Box<[u8; CHUNK]>,
    /// What was read.
    held: Vec<u8>,
    /// How much of that was taken.
    taken: usize,
    /// Up to where no line ends behind that.
    searched: usize,
    /// Whether there was nothing to read when that was last tried: before the next try it is worth waiting.
    dry: bool,
    ended: bool,
}

impl Lines {
    pub(super) fn of(output: Output) -> Self {
        Self {
            output,
            chunk: Box::new([0; CHUNK]),
            held: Vec::new(),
            taken: 0,
            searched: 0,
            dry: false,
            ended: false,
        }
    }

    /// The next line; nothing if none comes in time.
    pub(super) fn next(&mut self, until: Instant) -> Option<Line> {
        loop {
            if let Some(line) = self.take() {
                return Some(line);
            }
            if !self.dry && self.pull() {
                continue;
            }
            self.dry = true;
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return None;
            }
            isolation::wait(Some(&mut self.output), None, left);
            self.dry = false;
        }
    }

    /// Waits for room in a child's input. What the child writes is read meanwhile, for it may wait for that.
    pub(super) fn make_room(&mut self, input: &ChildStdin, time: Duration) {
        self.pull();
        let open = !self.ended && self.unread() < LINE_LIMIT;
        isolation::wait(open.then_some(&mut self.output), Some(input), time);
    }

    fn unread(&self) -> usize {
        self.held.len().saturating_sub(self.taken)
    }

    /// Takes a line of what was read.
    fn take(&mut self) -> Option<Line> {
        let behind = self.held.get(self.searched..).unwrap_or_default();
        let mut rest = behind;
        // Reading from memory does not fail; without a line feed it goes to the end.
        let length = rest.skip_until(b'\n').unwrap_or_default();
        let is_whole = behind.get(..length).is_some_and(|part| part.ends_with(b"\n"));
        self.searched = self.searched.saturating_add(length);
        if is_whole {
            let line = self.held.get(self.taken..self.searched).unwrap_or_default();
            self.taken = self.searched;
            return Some(Line::Text(text_of(line)));
        }
        let rest = match self.unread() {
            LINE_LIMIT.. => Line::TooLong,
            1.. if self.ended => Line::Half,
            0 if self.ended => return Some(Line::End),
            _ => return None,
        };
        self.ended = true;
        self.held.clear();
        (self.taken, self.searched) = (0, 0);
        Some(rest)
    }

    /// Reads what is there; whether that was anything, or the end.
    fn pull(&mut self) -> bool {
        let room = LINE_LIMIT.saturating_sub(self.unread()).min(CHUNK);
        if self.ended || room == 0 {
            return false;
        }
        self.held.drain(..self.taken);
        self.searched = self.searched.saturating_sub(self.taken);
        self.taken = 0;
        let read = self.output.read(self.chunk.get_mut(..room).unwrap_or_default());
        match read {
            Ok(length @ 1..) => {
                self.held
                    .extend_from_slice(self.chunk.get(..length).unwrap_or_default());
            }
            Err(error) if is_passing(&error) => return false,
            _ => self.ended = true,
        }
        true
    }
}

/// The text of a line, with replacement characters where it is none.
fn text_of(line: &[u8]) -> String {
    // Most lines are text, and that is found out faster than what is none in others.
    let whole = str::from_utf8(line).map(str::to_owned);
    whole.unwrap_or_else(|_| String::from_utf8_lossy(line).into_owned())
}

/// Whether an error says no more than that a call should be made again.
pub(super) fn is_passing(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted)
}

/// The standard error of an adapter: its tail, and what a memory checker reports on it.
#[derive(Debug)]
pub(super) struct Errors {
    kept: Arc<Mutex<Kept>>,
    ended: Receiver<()>,
}

#[derive(Debug, Default)]
struct Kept {
    tail: Vec<u8>,
    /// A line that has not ended, or the beginning of it.
    line: Vec<u8>,
    /// Only where there is a checker whose reports are wanted.
    scanner: Option<Scanner>,
}

impl Errors {
    pub(super) fn read(errors: impl Read + Send + 'static, watched: bool) -> Self {
        let kept = Arc::new(Mutex::new(Kept {
            scanner: watched.then(Scanner::default),
            ..Kept::default()
        }));
        // The channel carries nothing but its end.
        let (sender, ended) = mpsc::sync_channel::<()>(0);
        let shared = Arc::clone(&kept);
        thread::spawn(move || {
            read_errors(errors, &shared);
            drop(sender);
        });
        Self { kept, ended }
    }

    /// What was written last, once the stream has ended or a time has passed.
    pub(super) fn tail(&self, wait: Duration) -> String {
        let _ = self.ended.recv_timeout(wait);
        let kept = lock(&self.kept);
        let tail = String::from_utf8_lossy(&kept.tail);
        match kept.scanner {
            Some(_) => memory_report::steady(tail.trim_end()),
            None => tail.trim_end().to_owned(),
        }
    }

    /// What a memory checker reported first.
    pub(super) fn report(&self) -> Option<String> {
        let kept = lock(&self.kept);
        kept.scanner.as_ref()?.report().map(memory_report::steady)
    }
}

/// A thread that panicked while it held the lock has left whole bytes.
fn lock(kept: &Mutex<Kept>) -> MutexGuard<'_, Kept> {
    kept.lock().unwrap_or_else(PoisonError::into_inner)
}

fn read_errors(mut errors: impl Read, kept: &Mutex<Kept>) {
    let mut chunk = [0; 4096];
    while let Ok(length @ 1..) = errors.read(&mut chunk) {
        lock(kept).take(chunk.get(..length).unwrap_or_default());
    }
}

impl Kept {
    fn take(&mut self, bytes: &[u8]) {
        self.tail.extend_from_slice(bytes);
        let excess = self.tail.len().saturating_sub(TAIL);
        self.tail.drain(..excess);
        let Some(scanner) = &mut self.scanner else {
            return;
        };
        for part in bytes.split_inclusive(|byte| *byte == b'\n') {
            let room = TAIL.saturating_sub(self.line.len());
            self.line.extend_from_slice(part.get(..room).unwrap_or(part));
            if part.ends_with(b"\n") {
                scanner.line(&String::from_utf8_lossy(&self.line));
                self.line.clear();
            }
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that cannot be set up fails")]
mod tests {
    use std::{
        io::{self, Cursor, Write},
        thread,
        time::{Duration, Instant},
    };

    use super::{Errors, LINE_LIMIT, Line, Lines, Output, TAIL};

    /// Long, for the machine may be busy.
    const WAIT: Duration = Duration::from_secs(60);

    fn lines_of(output: String) -> Lines {
        let (reader, mut writer) = io::pipe().unwrap();
        thread::spawn(move || writer.write_all(output.as_bytes()));
        Lines::of(Output::of(reader).unwrap())
    }

    fn shown(output: &str) -> Vec<String> {
        let mut lines = lines_of(output.to_owned());
        let next = || lines.next(Instant::now() + WAIT);
        let read = std::iter::from_fn(next).map(|line| format!("{line:?}"));
        read.take_while(|line| line != "End").collect()
    }

    #[test]
    fn lines_come_whole_and_in_order() {
        assert_eq!(
            shown("a log\n{1}\n\n {2}\n"),
            ["a log\n", "{1}\n", "\n", " {2}\n"].map(|text| format!("Text({text:?})"))
        );
        assert_eq!(shown("{1}\n{\"seq\""), ["Text(\"{1}\\n\")", "Half"]);
        let long = "y".repeat(3 * super::CHUNK);
        assert_eq!(
            shown(&format!("x\n{long}\n")),
            ["Text(\"x\\n\")".to_owned(), format!("Text(\"{long}\\n\")")]
        );
    }

    #[test]
    fn a_line_has_a_longest_length() {
        assert_eq!(shown(&"x".repeat(LINE_LIMIT + 1)), ["TooLong"]);
        assert_eq!(shown(&"x".repeat(LINE_LIMIT - 1)), ["Half"]);
    }

    #[test]
    fn nobody_waits_longer_than_told() {
        let (reader, mut writer) = io::pipe().unwrap();
        let mut lines = Lines::of(Output::of(reader).unwrap());
        writer.write_all(b"half").unwrap();
        assert!(lines.next(Instant::now() + Duration::from_millis(20)).is_none());
        writer.write_all(b" a line\n").unwrap();
        let line = lines.next(Instant::now() + WAIT);
        assert!(matches!(line, Some(Line::Text(text)) if text == "half a line\n"));
    }

    #[test]
    fn of_the_standard_error_the_tail_is_kept() {
        let text = format!("{}the end\n", "noise\n".repeat(TAIL));
        let errors = Errors::read(Cursor::new(text.into_bytes()), false);
        let tail = errors.tail(Duration::from_secs(30));
        assert!(tail.len() < TAIL && tail.ends_with("noise\nthe end"), "{tail}");
        assert_eq!(errors.report(), None);
    }

    #[test]
    fn a_report_is_found_in_front_of_much_else() {
        let text = format!(
            "==7==ERROR: AddressSanitizer: SEGV\n    #0 0x1 in f a.c:1\n{}",
            "noise\n".repeat(TAIL)
        );
        let errors = Errors::read(Cursor::new(text.into_bytes()), true);
        errors.tail(Duration::from_secs(30));
        assert_eq!(
            errors.report().as_deref(),
            Some("AddressSanitizer: SEGV\n#0 0x… in f a.c:1")
        );
    }
}
