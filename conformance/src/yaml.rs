//! YAML, read strictly and with places: the only module that names `serde_yaml`.
//!
//! Three things are added to the parser. A first pass over the document refuses what serde cannot see or
//! places badly: duplicate keys (also of structs), keys that are no scalars, and documents that aliases blow
//! up. Enums are one-key maps (`- legs: 3`), which keeps places exact where tags of other kinds lose them. And
//! [`Document::place`] finds the place of a key or value by its path, so that what is found only after parsing
//! (a rule id that does not exist) is shown where it stands.
//!
//! The finder walks the same parser down the path and lets it fail at the target: the parser itself says where
//! that is. There is no second opinion about what YAML means.

use std::{
    collections::BTreeSet,
    fmt::{self, Write as _},
    ops::Range,
};

use annotate_snippets::{AnnotationKind, Level, Renderer, Snippet};
use serde::{
    Deserialize,
    de::{
        DeserializeOwned, DeserializeSeed, Deserializer, Error as _, IgnoredAny, MapAccess, SeqAccess,
        Visitor,
    },
};
use serde_yaml::with::singleton_map_recursive;

/// Largest file that is read, in bytes.
pub const SIZE_LIMIT: usize = 1 << 20;

/// Most values in one file, aliases counted where they are used.
const NODE_LIMIT: usize = 200_000;

/// How many brackets may stand inside each other.
const DEPTH_LIMIT: usize = 64;

/// An error and where it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Located {
    /// The file.
    pub file: String,
    /// Line, from 1; zero when the whole file is meant.
    pub line: usize,
    /// Column in characters, from 1.
    pub column: usize,
    /// What is wrong.
    pub message: String,
    /// What would be right, if that can be said.
    pub expected: Option<String>,
    /// Path of keys and indices to the place (`scenarios.default.steps[0].legs`).
    pub path: String,
    /// The text of the file, for the excerpt.
    source: String,
    /// The bytes of the text that are meant.
    span: Range<usize>,
}

impl Located {
    /// An error about a file as a whole: it is missing, or cannot be read.
    #[must_use]
    pub fn whole_file(file: &str, message: impl Into<String>) -> Self {
        Self {
            file: file.to_owned(),
            line: 0,
            column: 0,
            message: message.into(),
            expected: None,
            path: String::new(),
            source: String::new(),
            span: 0..0,
        }
    }

    /// The same error with what would be right.
    #[must_use]
    pub fn expecting(self, expected: Option<String>) -> Self {
        Self { expected, ..self }
    }

    /// The error with an excerpt of the text and a caret, as compilers print it.
    #[must_use]
    pub fn render(&self, colour: bool) -> String {
        let title = Level::ERROR.primary_title(self.message.as_str());
        let group = if self.line == 0 {
            title.element(annotate_snippets::Origin::path(self.file.as_str()))
        } else {
            let mark = AnnotationKind::Primary.span(self.span.clone());
            let label = self
                .expected
                .as_ref()
                .map(|expected| format!("expected {expected}"));
            let snippet = Snippet::source(self.source.as_str()).path(self.file.as_str());
            title.element(snippet.annotation(mark.label(label)))
        };
        let report = &[match self.path.is_empty() {
            true => group,
            false => group.element(Level::NOTE.message(format!("at `{}`", self.path))),
        }];
        let renderer = if colour {
            Renderer::styled()
        } else {
            Renderer::plain()
        };
        renderer.render(report)
    }
}

impl fmt::Display for Located {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}", self.file)?;
        if self.line > 0 {
            write!(formatter, ":{}:{}", self.line, self.column)?;
        }
        write!(formatter, ": {}", self.message)?;
        match &self.expected {
            Some(expected) => write!(formatter, "; expected {expected}"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for Located {}

/// One part of a path into a document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Part {
    /// A key of a map.
    Key(String),
    /// An index of a list.
    Index(usize),
}

impl From<&str> for Part {
    fn from(key: &str) -> Self {
        Self::Key(key.to_owned())
    }
}

impl From<usize> for Part {
    fn from(index: usize) -> Self {
        Self::Index(index)
    }
}

/// A path into a document.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Path(Vec<Part>);

impl Path {
    /// The path of the document itself.
    #[must_use]
    pub fn root() -> Self {
        Self::default()
    }

    /// This path, one step further.
    #[must_use]
    pub fn at(&self, part: impl Into<Part>) -> Self {
        let mut parts = self.0.clone();
        parts.push(part.into());
        Self(parts)
    }

    fn parent(&self) -> Option<Self> {
        self.0.split_last().map(|(_, rest)| Self(rest.to_vec()))
    }
}

impl fmt::Display for Path {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, part) in self.0.iter().enumerate() {
            match part {
                Part::Key(key) if number == 0 => formatter.write_str(key)?,
                Part::Key(key) => write!(formatter, ".{key}")?,
                Part::Index(index) => write!(formatter, "[{index}]")?,
            }
        }
        Ok(())
    }
}

/// Which end of an entry is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// The key.
    Key,
    /// The value.
    Value,
}

/// Line and column, both from 1, columns in characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// Line.
    pub line: usize,
    /// Column.
    pub column: usize,
}

/// A text with the name of its file.
#[derive(Clone, Copy, Debug)]
pub struct Document<'a> {
    /// Name of the file, for messages.
    pub file: &'a str,
    /// The text.
    pub text: &'a str,
}

impl<'a> Document<'a> {
    /// A document.
    #[must_use]
    pub fn new(file: &'a str, text: &'a str) -> Self {
        Self { file, text }
    }

    /// Reads the document as a value.
    ///
    /// # Errors
    ///
    /// The first thing that is wrong with the text, with its place.
    pub fn read<T: DeserializeOwned>(&self) -> Result<T, Box<Located>> {
        self.survey()?;
        let mut track = serde_path_to_error::Track::new();
        let parser = serde_yaml::Deserializer::from_str(self.text);
        let tracked = serde_path_to_error::Deserializer::new(parser, &mut track);
        let read: Result<T, serde_yaml::Error> = singleton_map_recursive::deserialize(tracked);
        read.map_err(|error| Box::new(self.failure(&error, track.path().to_string())))
    }

    /// Where the key or value at a path stands; none if there is no such path.
    #[must_use]
    pub fn place(&self, path: &Path, end: End) -> Option<Place> {
        let parser = serde_yaml::Deserializer::from_str(self.text);
        let seek = Seek { path: &path.0, end };
        let error = seek.deserialize(parser).err()?;
        error
            .to_string()
            .contains(FOUND)
            .then(|| place_of(&error))
            .flatten()
    }

    /// An error about the key or value at a path; about the nearest thing around it if the path is not there.
    #[must_use]
    pub fn error(&self, path: &Path, end: End, message: impl Into<String>) -> Located {
        let mut around = Some(path.clone());
        let mut place = None;
        while let (None, Some(here)) = (place, around) {
            place = self.place(&here, end).or_else(|| self.place(&here, End::Value));
            around = here.parent();
        }
        let place = place.unwrap_or(Place { line: 1, column: 1 });
        self.located(place, message.into(), None, path.to_string())
    }

    /// The pass before parsing: size, duplicate keys, number of values.
    fn survey(&self) -> Result<(), Box<Located>> {
        if self.text.len() > SIZE_LIMIT {
            let message = format!("file of {} bytes", self.text.len());
            let expected = Some(format!("at most {SIZE_LIMIT} bytes"));
            return Err(Box::new(Located {
                expected,
                ..Located::whole_file(self.file, message)
            }));
        }
        if let Some(place) = self.too_deep() {
            let expected = Some(format!("at most {DEPTH_LIMIT} brackets inside each other"));
            return Err(Box::new(self.located(
                place,
                "nested too deeply".to_owned(),
                expected,
                String::new(),
            )));
        }
        let mut nodes = 0;
        let parser = serde_yaml::Deserializer::from_str(self.text);
        let surveyed = Survey { nodes: &mut nodes }.deserialize(parser);
        surveyed.map_err(|error| Box::new(self.failure(&error, String::new())))
    }

    /// Where brackets are nested too deeply: the parser's own limit comes too late for its scanner, which takes
    /// quadratic time over them.
    fn too_deep(&self) -> Option<Place> {
        let mut depth = 0usize;
        for (line, text) in (1..).zip(self.text.lines()) {
            for (column, letter) in (1..).zip(text.chars()) {
                match letter {
                    '[' | '{' => depth = depth.saturating_add(1),
                    ']' | '}' => depth = depth.saturating_sub(1),
                    _ => {}
                }
                if depth > DEPTH_LIMIT {
                    return Some(Place { line, column });
                }
            }
        }
        None
    }

    fn failure(&self, error: &serde_yaml::Error, path: String) -> Located {
        let place = place_of(error).unwrap_or(Place { line: 1, column: 1 });
        let (message, expected) = split_message(&error.to_string());
        let path = if path == "." || path == "?" {
            String::new()
        } else {
            path
        };
        self.located(place, message, expected, path)
    }

    fn located(&self, place: Place, message: String, expected: Option<String>, path: String) -> Located {
        Located {
            file: self.file.to_owned(),
            line: place.line,
            column: place.column,
            message,
            expected,
            path,
            source: self.text.to_owned(),
            span: span_at(self.text, place),
        }
    }
}

fn place_of(error: &serde_yaml::Error) -> Option<Place> {
    let location = error.location()?;
    Some(Place {
        line: location.line(),
        column: location.column(),
    })
}

/// Takes the path before a message and the place behind it away, and the expectation apart.
fn split_message(text: &str) -> (String, Option<String>) {
    let text = without_place(text);
    let text = match text.split_once(": ") {
        Some((path, rest)) if !path.contains([' ', '`']) => rest,
        _ => text,
    };
    match text.split_once(", expected ") {
        Some((message, expected)) => (message.to_owned(), Some(expected.to_owned())),
        None => (text.to_owned(), None),
    }
}

fn without_place(text: &str) -> &str {
    match text.rsplit_once(" at line ") {
        Some((message, place)) if place.chars().all(|c| c.is_ascii_digit() || " column".contains(c)) => {
            message
        }
        _ => text,
    }
}

/// The bytes of the word that stands at a place.
fn span_at(text: &str, place: Place) -> Range<usize> {
    let line_start = text
        .split_inclusive('\n')
        .take(place.line.saturating_sub(1))
        .map(str::len)
        .sum::<usize>();
    let line = text
        .get(line_start..)
        .and_then(|rest| rest.lines().next())
        .unwrap_or_default();
    let start = line
        .chars()
        .take(place.column.saturating_sub(1))
        .map(char::len_utf8)
        .sum::<usize>();
    let rest = line.get(start..).unwrap_or_default();
    line_start + start..line_start + start + word_length(rest)
}

/// Length of a key, a flow list's element or a scalar at the start of a line's rest; at least one character.
fn word_length(rest: &str) -> usize {
    let quoted = rest.chars().next().filter(|first| matches!(first, '"' | '\''));
    if let Some(quote) = quoted {
        let inner = rest.get(1..).and_then(|inner| inner.find(quote));
        return inner.map_or_else(|| rest.trim_end().len(), |end| end + 2);
    }
    let ends = [": ", " #", ", ", "]", "}", ","];
    let end = ends
        .iter()
        .filter_map(|end| rest.find(end))
        .min()
        .unwrap_or(rest.len());
    let word = rest.get(..end).unwrap_or(rest).trim_end().trim_end_matches(':');
    let first = rest.chars().next().map_or(0, char::len_utf8);
    word.len().max(first)
}

/// The text of the error that the finder raises at its target.
const FOUND: &str = "\u{1}found\u{1}";

/// Walks down a path and fails at its end, so that the parser tells the place.
struct Seek<'a> {
    path: &'a [Part],
    end: End,
}

impl<'de> DeserializeSeed<'de> for Seek<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl Seek<'_> {
    fn scalar<E: serde::de::Error>(&self) -> Result<(), E> {
        if self.path.is_empty() {
            Err(E::custom(FOUND))
        } else {
            Ok(())
        }
    }
}

macro_rules! scalars {
    ($check:ident: $($visit:ident $kind:ty),*) => {
        $(fn $visit<E: serde::de::Error>(self, _: $kind) -> Result<(), E> {
            self.$check()
        })*

        fn visit_unit<E: serde::de::Error>(self) -> Result<(), E> {
            self.$check()
        }

        fn visit_none<E: serde::de::Error>(self) -> Result<(), E> {
            self.$check()
        }
    };
}

impl<'de> Visitor<'de> for Seek<'_> {
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("any value")
    }

    scalars!(scalar: visit_bool bool, visit_i64 i64, visit_u64 u64, visit_i128 i128, visit_u128 u128,
        visit_f64 f64, visit_str &str);

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<(), A::Error> {
        let Some((first, rest)) = self.path.split_first() else {
            return Err(A::Error::custom(FOUND));
        };
        let Part::Key(wanted) = first else {
            return skip_map(access);
        };
        let raise = rest.is_empty() && self.end == End::Key;
        while let Some(matches) = access.next_key_seed(KeySeek { wanted, raise })? {
            if matches {
                access.next_value_seed(Seek {
                    path: rest,
                    end: self.end,
                })?;
            } else {
                access.next_value::<IgnoredAny>()?;
            }
        }
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<(), A::Error> {
        let Some((first, rest)) = self.path.split_first() else {
            return Err(A::Error::custom(FOUND));
        };
        let mut index = 0;
        loop {
            let more = if *first == Part::Index(index) {
                access
                    .next_element_seed(Seek {
                        path: rest,
                        end: self.end,
                    })?
                    .is_some()
            } else {
                access.next_element::<IgnoredAny>()?.is_some()
            };
            if !more {
                return Ok(());
            }
            index += 1;
        }
    }
}

fn skip_map<'de, A: MapAccess<'de>>(mut access: A) -> Result<(), A::Error> {
    while access.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
    Ok(())
}

/// Compares a key and fails at it if it is the target itself.
struct KeySeek<'a> {
    wanted: &'a str,
    raise: bool,
}

impl<'de> DeserializeSeed<'de> for KeySeek<'_> {
    type Value = bool;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<bool, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for KeySeek<'_> {
    type Value = bool;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a key")
    }

    fn visit_str<E: serde::de::Error>(self, key: &str) -> Result<bool, E> {
        match key == self.wanted {
            true if self.raise => Err(E::custom(FOUND)),
            matches => Ok(matches),
        }
    }
}

/// Walks the whole document, counts its values and refuses duplicate keys.
struct Survey<'a> {
    nodes: &'a mut usize,
}

impl Survey<'_> {
    fn count<E: serde::de::Error>(&mut self) -> Result<(), E> {
        *self.nodes += 1;
        if *self.nodes > NODE_LIMIT {
            return Err(E::custom(format_args!(
                "more than {NODE_LIMIT} values in one file"
            )));
        }
        Ok(())
    }

    fn scalar<E: serde::de::Error>(mut self) -> Result<(), E> {
        self.count()
    }
}

impl<'de> DeserializeSeed<'de> for Survey<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Survey<'_> {
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a value without a tag")
    }

    scalars!(scalar: visit_bool bool, visit_i64 i64, visit_u64 u64, visit_i128 i128, visit_u128 u128,
        visit_f64 f64, visit_str &str);

    fn visit_map<A: MapAccess<'de>>(mut self, mut access: A) -> Result<(), A::Error> {
        self.count()?;
        let mut seen = BTreeSet::new();
        while access.next_key_seed(FreshKey { seen: &mut seen })?.is_some() {
            access.next_value_seed(Survey { nodes: self.nodes })?;
        }
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut access: A) -> Result<(), A::Error> {
        self.count()?;
        while access.next_element_seed(Survey { nodes: self.nodes })?.is_some() {}
        Ok(())
    }
}

/// A key that must not have been seen in its map.
struct FreshKey<'a> {
    seen: &'a mut BTreeSet<String>,
}

impl<'de> DeserializeSeed<'de> for FreshKey<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for FreshKey<'_> {
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a key")
    }

    fn visit_str<E: serde::de::Error>(self, key: &str) -> Result<(), E> {
        if self.seen.insert(key.to_owned()) {
            return Ok(());
        }
        Err(E::custom(format_args!("duplicate key `{key}`")))
    }
}

/// Renders errors one after the other, with their number at the end.
#[must_use]
pub fn render_all(errors: &[Located], colour: bool) -> String {
    let mut text = String::new();
    for error in errors {
        let _ = writeln!(text, "{}\n", error.render(colour));
    }
    let _ = writeln!(
        text,
        "{} error{}",
        errors.len(),
        if errors.len() == 1 { "" } else { "s" }
    );
    text
}

/// Writes a value as YAML, in the form that [`Document::read`] reads.
///
/// # Errors
///
/// A value that has no form in YAML, such as a map with maps as keys.
pub fn write<T: serde::Serialize>(value: &T) -> Result<String, serde_yaml::Error> {
    let mut bytes = Vec::new();
    let mut serializer = serde_yaml::Serializer::new(&mut bytes);
    singleton_map_recursive::serialize(value, &mut serializer)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// Reads YAML as a JSON value, for checks against a schema.
///
/// # Errors
///
/// The first thing that is wrong with the text, with its place.
pub fn to_json(file: &str, text: &str) -> Result<serde_json::Value, Box<Located>> {
    Document::new(file, text).read::<Untyped>().map(|value| value.0)
}

/// Any value.
#[derive(Deserialize)]
#[serde(transparent)]
struct Untyped(serde_json::Value);
