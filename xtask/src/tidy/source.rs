//! A file, with Rust source taken apart into code, comments and literals.

/// A text file of the tree.
#[derive(Debug)]
pub(super) struct SourceFile {
    /// Path from the top of the workspace, with slashes.
    pub(super) path: String,
    /// The whole text.
    pub(super) text: String,
    /// Rust source with comments and literals blanked; empty for other files.
    pub(super) code: String,
    /// Rust source with everything but comments blanked; empty for other files.
    pub(super) comments: String,
    /// String literals, without quotes.
    pub(super) literals: Vec<Literal>,
}

/// A string literal of Rust source.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Literal {
    /// Line it begins in, counted from 1.
    pub(super) line: usize,
    /// What is between the quotes, escapes as they are written.
    pub(super) text: String,
}

impl SourceFile {
    pub(super) fn new(path: String, text: String) -> Self {
        let mut file = Self {
            path,
            text,
            code: String::new(),
            comments: String::new(),
            literals: Vec::new(),
        };
        if file.is_rust() {
            file.take_apart();
        }
        file
    }

    pub(super) fn is_rust(&self) -> bool {
        self.path.ends_with(".rs")
    }

    /// The code up to the unit tests at its end.
    pub(super) fn code_without_tests(&self) -> &str {
        match self.code.find("#[cfg(test)]") {
            Some(end) => self.code.get(..end).unwrap_or_default(),
            None => &self.code,
        }
    }

    fn take_apart(&mut self) {
        let text = std::mem::take(&mut self.text);
        let mut rest = text.as_str();
        let mut line: usize = 1;
        let mut after_name = false;
        while let Some(first) = rest.chars().next() {
            let (kind, length) = piece(rest, after_name);
            let length = if length == 0 { first.len_utf8() } else { length };
            let (part, next) = rest.split_at(length);
            match kind {
                Kind::Code => self.keep(part, ""),
                Kind::Comment => self.keep("", part),
                Kind::Text => {
                    self.keep("", "");
                    let inner = part.trim_start_matches(['b', 'c', 'r']).trim_matches('#');
                    let inner = inner
                        .strip_prefix('"')
                        .unwrap_or(inner)
                        .strip_suffix('"')
                        .unwrap_or(inner);
                    self.literals.push(Literal {
                        line,
                        text: inner.to_owned(),
                    });
                }
                Kind::Character => self.keep("", ""),
            }
            self.pad(part, &kind);
            line = line.saturating_add(part.matches('\n').count());
            after_name = kind == Kind::Code && (first.is_alphanumeric() || first == '_');
            rest = next;
        }
        self.text = text;
    }

    fn keep(&mut self, code: &str, comment: &str) {
        self.code.push_str(code);
        self.comments.push_str(comment);
    }

    /// Fills the views that did not take this part with blanks, so that lines stay where they are.
    fn pad(&mut self, part: &str, kind: &Kind) {
        let blank: String = part
            .chars()
            .map(|character| if character == '\n' { '\n' } else { ' ' })
            .collect();
        if *kind != Kind::Code {
            self.code.push_str(&blank);
        }
        if *kind != Kind::Comment {
            self.comments.push_str(&blank);
        }
    }
}

#[derive(Debug, PartialEq, Eq)]
enum Kind {
    Code,
    Comment,
    Text,
    Character,
}

/// What the text begins with, and how many bytes of it belong together.
fn piece(rest: &str, after_name: bool) -> (Kind, usize) {
    if rest.starts_with("//") {
        return (Kind::Comment, rest.find('\n').unwrap_or(rest.len()));
    }
    if rest.starts_with("/*") {
        return (Kind::Comment, block_comment(rest));
    }
    if rest.starts_with('\'') {
        return match character(rest) {
            Some(length) => (Kind::Character, length),
            None => (Kind::Code, 1),
        };
    }
    match string(rest) {
        Some(length) if !after_name || rest.starts_with('"') => (Kind::Text, length),
        _ => (Kind::Code, 0),
    }
}

/// Length of a block comment; they nest.
fn block_comment(rest: &str) -> usize {
    let mut depth: usize = 0;
    let mut previous = ' ';
    for (at, character) in rest.char_indices() {
        match (previous, character) {
            ('/', '*') => depth = depth.saturating_add(1),
            ('*', '/') => depth = depth.saturating_sub(1),
            _ => {
                previous = character;
                continue;
            }
        }
        if depth == 0 {
            return at.saturating_add(1);
        }
        previous = ' ';
    }
    rest.len()
}

/// Length of a character literal; nothing for a lifetime.
fn character(rest: &str) -> Option<usize> {
    let mut places = rest.char_indices().skip(1);
    let (_, first) = places.next()?;
    if first == '\\' {
        places.next()?;
        return places
            .find(|(_, character)| *character == '\'')
            .map(|(at, _)| at.saturating_add(1));
    }
    places
        .next()
        .filter(|(_, character)| *character == '\'')
        .map(|(at, _)| at.saturating_add(1))
}

/// Length of a string literal of any form; nothing if none begins here.
fn string(rest: &str) -> Option<usize> {
    let prefixed = rest.strip_prefix(['b', 'c']).unwrap_or(rest);
    if let Some(raw) = prefixed.strip_prefix('r') {
        let hashes = raw.len().saturating_sub(raw.trim_start_matches('#').len());
        let body = raw.trim_start_matches('#').strip_prefix('"')?;
        let end = format!("\"{}", "#".repeat(hashes));
        let length = body
            .find(&end)
            .map_or(body.len(), |at| at.saturating_add(end.len()));
        return Some(rest.len().saturating_sub(body.len()).saturating_add(length));
    }
    let body = prefixed.strip_prefix('"')?;
    let mut escaped = false;
    for (at, character) in body.char_indices() {
        match character {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => {
                return Some(
                    rest.len()
                        .saturating_sub(body.len())
                        .saturating_add(at)
                        .saturating_add(1),
                );
            }
            _ => {}
        }
    }
    Some(rest.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(text: &str) -> SourceFile {
        SourceFile::new("x.rs".to_owned(), text.to_owned())
    }

    fn texts(file: &SourceFile) -> Vec<&str> {
        file.literals
            .iter()
            .map(|literal| literal.text.as_str())
            .collect()
    }

    #[test]
    fn separates_code_comments_and_literals() {
        let file = file("let a = \"x // y\"; // z \"q\"\nlet b = 'c'; /* d /* e */ f */ g");
        assert!(!file.code.contains('y') && !file.code.contains('z') && !file.code.contains('d'));
        assert!(
            file.code.ends_with('g') && file.comments.contains("z \"q\"") && file.comments.contains("f */")
        );
        assert_eq!(texts(&file), ["x // y"]);
        assert_eq!(file.code.len(), file.text.len());
        assert_eq!(file.comments.len(), file.text.len());
    }

    #[test]
    fn knows_raw_strings_byte_strings_and_escapes() {
        let file = file(r####"f(r#"a "b" c"#, b"d\"e", br"f\", c"g", "h\\") // i"####);
        assert_eq!(texts(&file), ["a \"b\" c", "d\\\"e", "f\\", "g", "h\\\\"]);
        assert_eq!(file.comments.trim(), "// i");
    }

    #[test]
    fn tells_lifetimes_from_characters() {
        let file = file("fn f<'a>(x: &'a str) { g('\\'', '\"', '{', b'\\\\', '\\u{41}') } // end");
        assert!(file.code.contains("&'a str") && file.code.contains('}'));
        assert_eq!(file.code.matches('{').count(), 1);
        assert_eq!(file.comments.trim(), "// end");
    }

    #[test]
    fn a_name_that_ends_in_r_is_no_raw_string() {
        let file = file("m!(buffer\"x\") for\"y\"");
        assert!(file.code.contains("buffer") && file.code.contains("for"));
    }

    #[test]
    fn lines_of_literals_count_from_one() {
        assert_eq!(
            file("\n\n\"a\nb\" \"c\"").literals[1],
            Literal {
                line: 4,
                text: "c".to_owned()
            }
        );
    }

    #[test]
    fn tests_at_the_end_are_cut() {
        assert_eq!(file("a\n#[cfg(test)]\nmod tests {}").code_without_tests(), "a\n");
    }
}
