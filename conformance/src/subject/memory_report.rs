//! What a memory checker or sanitizer says on the standard error of a program: that something is wrong, and where.

/// A text without what differs from run to run: addresses, and the process in front of each line.
pub(super) fn steady(text: &str) -> String {
    let lines: Vec<String> = text
        .lines()
        .map(|line| without_addresses(unmarked(line)))
        .collect();
    lines.join("\n")
}

fn without_addresses(line: &str) -> String {
    let mut parts = line.split("0x");
    let mut out = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let rest = part.trim_start_matches(|character: char| character.is_ascii_hexdigit());
        out.push_str("0x");
        out.push_str(if rest.len() < part.len() { "…" } else { "" });
        out.push_str(rest);
    }
    out
}

/// Reads lines as they come and keeps the first report.
#[derive(Debug, Default)]
pub(super) struct Scanner {
    /// What the last headline said, until a frame follows it.
    headline: Option<String>,
    /// The line before this one.
    before: String,
    report: Option<String>,
}

impl Scanner {
    /// The first report: what is wrong, and the first frame below it.
    pub(super) fn report(&self) -> Option<&str> {
        self.report.as_deref()
    }

    /// Takes a line.
    pub(super) fn line(&mut self, line: &str) {
        if self.report.is_some() {
            return;
        }
        let text = unmarked(line).trim();
        if let Some(place) = undefined_behaviour(text) {
            self.report = Some(place.to_owned());
        } else if let Some((_, what)) = sanitizer(text) {
            self.headline = Some(what.to_owned());
        } else if let (Some(headline), true) = (&self.headline, text.starts_with("#0 ")) {
            self.report = Some(format!("{headline}\n{text}"));
        } else if line.starts_with("==") && text.starts_with("at 0x") {
            self.report = Some(format!("{}\n{text}", self.before));
        }
        text.clone_into(&mut self.before);
    }
}

/// A line without the `==PROCESS==` that stands before it.
fn unmarked(line: &str) -> &str {
    let inner = line.strip_prefix("==").and_then(|rest| rest.split_once("=="));
    let numbered = inner.filter(|(process, _)| process.parse::<u32>().is_ok());
    numbered.map_or(line, |(_, text)| text)
}

/// The headline of an address, leak, memory or thread sanitizer: `ERROR: AddressSanitizer: …`.
fn sanitizer(text: &str) -> Option<(&str, &str)> {
    let headline = ["ERROR: ", "WARNING: "]
        .iter()
        .find_map(|word| text.strip_prefix(word))?;
    let (name, _) = headline.split_once(": ")?;
    name.ends_with("Sanitizer").then_some((name, headline))
}

/// The line of the undefined behaviour sanitizer: `FILE:LINE:COLUMN: runtime error: …`.
fn undefined_behaviour(text: &str) -> Option<&str> {
    let (place, _) = text.split_once(": runtime error: ")?;
    let mut parts = place.rsplit(':');
    let number = |part: Option<&str>| part.is_some_and(|part| part.parse::<u32>().is_ok());
    (number(parts.next()) && number(parts.next())).then_some(text)
}

#[cfg(test)]
mod tests {
    use super::{Scanner, steady};

    fn report(text: &str) -> Option<String> {
        let mut scanner = Scanner::default();
        text.lines().for_each(|line| scanner.line(line));
        scanner.report().map(str::to_owned)
    }

    #[test]
    fn an_address_sanitizer_has_a_headline_and_frames() {
        let text = "======\n==71==ERROR: AddressSanitizer: heap-use-after-free on address 0x60\nREAD of size 1\n    \
                    #0 0x4f in copy main.c:7\n    #1 0x50 in main main.c:9\n";
        let expected = "AddressSanitizer: heap-use-after-free on address 0x60\n#0 0x4f in copy main.c:7";
        assert_eq!(report(text).as_deref(), Some(expected));
    }

    #[test]
    fn valgrind_puts_the_frame_below_what_is_wrong() {
        let text = "==9== Memcheck, a memory error detector\n==9== \n==9== Invalid read of size 4\n==9==    at \
                    0x109: copy (main.c:7)\n==9==    by 0x110: main (main.c:9)\n";
        assert_eq!(
            report(text).as_deref(),
            Some("Invalid read of size 4\nat 0x109: copy (main.c:7)")
        );
    }

    #[test]
    fn undefined_behaviour_stands_on_one_line() {
        let line = "main.c:3:7: runtime error: signed integer overflow";
        assert_eq!(report(line).as_deref(), Some(line));
        assert_eq!(report("panic: runtime error: index out of range [5]"), None);
    }

    #[test]
    fn a_steady_text_is_the_same_in_every_run() {
        let text = "====\n==71==ERROR: at 0x60f0 pc 0xAb.\n    #0 0x4f in f 0x\n==x==";
        let expected = "====\nERROR: at 0x… pc 0x….\n    #0 0x… in f 0x\n==x==";
        assert_eq!(steady(text), expected);
    }

    #[test]
    fn ordinary_words_are_no_report() {
        for text in [
            "ERROR: could not connect: refused",
            "at 0x10 there is nothing",
            "#0 first entry",
            "",
        ] {
            assert_eq!(report(text), None, "{text}");
        }
    }
}
