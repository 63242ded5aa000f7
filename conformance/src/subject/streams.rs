//! Reads what an adapter writes, and never holds more of it than a bound.

use std::{
    io::{BufRead, BufReader, Read},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        mpsc::{self, Receiver, SyncSender},
    },
    thread,
    time::Duration,
};

use super::memory_report::{self, Scanner};

/// The longest line that is read from an adapter, in bytes.
pub(super) const LINE_LIMIT: u64 = 16 << 20;

/// Replies that wait to be taken. There should never be a second one.
const WAITING: usize = 2;

/// How much of an adapter's standard error is kept, in bytes.
const TAIL: usize = 4096;

/// What comes from the standard output of an adapter. After anything but a reply nothing more comes.
#[derive(Debug)]
pub(super) enum Line {
    /// A line that may be a reply.
    Reply(String),
    /// The output ended in the middle of a line.
    Half,
    /// A line that is longer than the limit; the rest is not read.
    TooLong,
}

/// Reads lines. Those that are no JSON object are log output of the library, and passed over.
pub(super) fn lines(output: impl Read + Send + 'static) -> Receiver<Line> {
    // Bounded, so that a child that writes without end waits instead of filling the memory.
    let (sender, receiver) = mpsc::sync_channel(WAITING);
    thread::spawn(move || read_lines(BufReader::new(output), &sender));
    receiver
}

fn read_lines(mut reader: impl BufRead, sender: &SyncSender<Line>) {
    loop {
        let mut line = Vec::new();
        let read = reader.by_ref().take(LINE_LIMIT).read_until(b'\n', &mut line);
        let whole = line.ends_with(b"\n");
        let sent = match read {
            Ok(1..) if whole && !is_object(&line) => continue,
            Ok(1..) if whole => Line::Reply(String::from_utf8_lossy(&line).into_owned()),
            Ok(length) if u64::try_from(length).is_ok_and(|length| length == LINE_LIMIT) => Line::TooLong,
            Ok(1..) => Line::Half,
            _ => return,
        };
        if sender.send(sent).is_err() || !whole {
            return;
        }
    }
}

fn is_object(line: &[u8]) -> bool {
    line.trim_ascii_start().starts_with(b"{")
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
mod tests {
    use std::{io::Cursor, time::Duration};

    use super::{Errors, LINE_LIMIT, TAIL, lines};

    fn shown(output: &str) -> Vec<String> {
        let read = lines(Cursor::new(output.to_owned().into_bytes()));
        read.iter().map(|line| format!("{line:?}")).collect()
    }

    #[test]
    fn lines_that_are_no_objects_are_passed_over() {
        assert_eq!(
            shown("a log\n{1}\n\n {2}\nand\n"),
            ["Reply(\"{1}\\n\")", "Reply(\" {2}\\n\")"]
        );
        assert_eq!(shown("{1}\n{\"seq\""), ["Reply(\"{1}\\n\")", "Half"]);
    }

    #[test]
    fn a_line_has_a_longest_length() {
        let limit = usize::try_from(LINE_LIMIT).unwrap_or_default();
        assert_eq!(shown(&"x".repeat(limit + 1)), ["TooLong"]);
        assert_eq!(shown(&"x".repeat(limit - 1)), ["Half"]);
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
