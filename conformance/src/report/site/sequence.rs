//! An exchange as a drawing: two lifelines, what each side is called for and answers, and the tokens between them.

use askama::Template;

use super::{
    escape::plain,
    exchange::{Answer, Call},
    token::short_name,
};
use crate::{protocol::Role, suite::Suite, words::counted};

/// Columns of the lifelines, in the units of the drawing, which is as wide as a phone.
const LEFT: u32 = 48;
const RIGHT: u32 = 332;
pub(super) const WIDTH: u32 = 380;

/// Heights of what stands between two calls.
const HEAD: u32 = 44;
const CALL: u32 = 22;
const ARROW: u32 = 30;

/// Characters that fit between the lifelines.
const ROOM: usize = 42;

/// Calls in a row that protect and check messages, from which on they are drawn as one.
const MANY: usize = 3;

/// The drawing.
#[derive(Debug, Default, Template)]
#[template(path = "sequence.svg")]
pub(super) struct Sequence {
    pub(super) height: u32,
    pub(super) labels: Vec<Label>,
    pub(super) arrows: Vec<Arrow>,
    pub(super) calls: Vec<Dot>,
    pub(super) marks: Vec<Mark>,
}

#[derive(Debug)]
pub(super) struct Label {
    pub(super) x: u32,
    pub(super) y: u32,
    pub(super) anchor: &'static str,
    pub(super) class: &'static str,
    pub(super) strong: String,
    pub(super) text: String,
}

/// A token on its way.
#[derive(Debug)]
pub(super) struct Arrow {
    pub(super) from: u32,
    pub(super) to: u32,
    /// Where the shaft ends and the head begins.
    pub(super) shaft: u32,
    pub(super) y: u32,
    pub(super) class: &'static str,
}

/// A call on a lifeline.
#[derive(Debug)]
pub(super) struct Dot {
    pub(super) x: u32,
    pub(super) y: u32,
    pub(super) class: &'static str,
}

/// The failed checks of a call, beside it.
#[derive(Debug)]
pub(super) struct Mark {
    /// Its left edge and its middle.
    pub(super) x: u32,
    pub(super) middle: u32,
    pub(super) y: u32,
    /// The number of the first of them on the page, and the numbers as text.
    pub(super) first: usize,
    pub(super) numbers: String,
    pub(super) rules: String,
}

/// Width of a mark.
pub(super) const MARK: u32 = 38;

/// A failed check: call, number on the page, rule.
pub(super) type Marked = (usize, usize, String);

impl Sequence {
    pub(super) fn new(suite: &Suite, calls: &[Call], marks: &[Marked]) -> Self {
        let mut sequence = Self {
            height: HEAD,
            ..Self::default()
        };
        let is_marked = |call: &Call| marks.iter().any(|(at, ..)| *at == call.number);
        let mut rest = calls;
        while let Some((call, behind)) = rest.split_first() {
            let is_quiet = |call: &Call| !is_marked(call) && !is_drawn(call);
            if is_quiet(call) {
                let quiet = rest.iter().take_while(|call| is_quiet(call)).count();
                let (run, next) = rest.split_at(quiet);
                sequence.quiet(run);
                rest = next;
                continue;
            }
            sequence.call(suite, call, behind, marks);
            rest = behind;
        }
        sequence.height = sequence.height.saturating_add(10);
        sequence
    }

    /// Calls that went as they should and are drawn as one line, if at all.
    fn quiet(&mut self, calls: &[Call]) {
        let protecting = calls.iter().filter(|call| call.protect().is_some()).count();
        if protecting < MANY {
            return;
        }
        self.labels.push(Label {
            x: WIDTH / 2,
            y: self.height.saturating_add(16),
            anchor: "middle",
            class: "quiet",
            strong: String::new(),
            text: format!(
                "… {} that protect or check messages …",
                counted(protecting, "call")
            ),
        });
        self.height = self.height.saturating_add(CALL);
    }

    fn call(&mut self, suite: &Suite, call: &Call, behind: &[Call], marks: &[Marked]) {
        let is_initiator = call.side == Role::Initiator;
        let (x, text_x, anchor, mark_x) = match is_initiator {
            true => (LEFT, LEFT.saturating_add(10), "start", 2),
            false => (
                RIGHT,
                RIGHT.saturating_sub(10),
                "end",
                WIDTH.saturating_sub(MARK).saturating_sub(2),
            ),
        };
        let y = self.height.saturating_add(12);
        let failed = !matches!(call.answer, Answer::Outcome(_));
        let status = call
            .status(suite)
            .map(|status| plain(&status))
            .unwrap_or_default();
        let room = ROOM.saturating_sub(call.operation.chars().count());
        self.labels.push(Label {
            x: text_x,
            y: y.saturating_add(4),
            anchor,
            class: if failed { "bad" } else { "" },
            strong: plain(&call.operation).chars().take(ROOM).collect(),
            text: match status.is_empty() {
                true => String::new(),
                false => format!(" → {}", shortened(&status, room)),
            },
        });
        self.calls.push(Dot {
            x,
            y,
            class: if failed { "bad" } else { "" },
        });
        self.marks.extend(Mark::new(call, marks, mark_x, y));
        self.height = self.height.saturating_add(CALL);
        self.token(call, behind, is_initiator);
    }

    /// The token of a call on its way to the other side.
    fn token(&mut self, call: &Call, behind: &[Call], to_right: bool) {
        let Some(token) = call.token() else { return };
        let changed = behind
            .iter()
            .find(|next| next.side != call.side && is_received_by(call, next));
        let changed = changed.is_some_and(|next| next.altered_input);
        let (from, to) = if to_right { (LEFT, RIGHT) } else { (RIGHT, LEFT) };
        let y = self.height.saturating_add(20);
        let note = match (call.altered_output, changed) {
            (true, _) => ", made otherwise",
            (false, true) => ", changed on its way",
            (false, false) => "",
        };
        self.labels.push(Label {
            x: WIDTH / 2,
            y: y.saturating_sub(6),
            anchor: "middle",
            class: "token",
            strong: short_name(call.kind(token)).to_owned(),
            text: format!(" {}{note}", counted(token.len(), "byte")),
        });
        self.arrows.push(Arrow {
            from,
            to,
            shaft: if to_right {
                to.saturating_sub(8)
            } else {
                to.saturating_add(8)
            },
            y,
            class: if note.is_empty() { "" } else { "changed" },
        });
        self.height = self.height.saturating_add(ARROW);
    }
}

impl Mark {
    fn new(call: &Call, marks: &[Marked], x: u32, y: u32) -> Option<Self> {
        let here: Vec<&Marked> = marks.iter().filter(|(at, ..)| *at == call.number).collect();
        let ((_, first, _), (_, last, _)) = (here.first()?, here.last()?);
        let rules: Vec<&str> = here.iter().map(|(.., rule)| rule.as_str()).collect();
        Some(Self {
            x,
            middle: x.saturating_add(MARK / 2),
            y,
            first: *first,
            numbers: match first == last {
                true => first.to_string(),
                false => format!("{first}–{last}"),
            },
            rules: rules.join(", "),
        })
    }
}

/// Whether a call is drawn even if nothing is wrong with it.
fn is_drawn(call: &Call) -> bool {
    call.is_leg() || !matches!(call.answer, Answer::Outcome(_))
}

fn is_received_by(sent: &Call, call: &Call) -> bool {
    match sent.protect() {
        Some(_) => call.protect().is_some(),
        None => call.is_leg(),
    }
}

fn shortened(text: &str, most: usize) -> String {
    match text.chars().count() > most {
        true => {
            // The end of the name of a class says more than its beginning.
            let skip = text.chars().count().saturating_sub(most.saturating_sub(1));
            format!("…{}", text.chars().skip(skip).collect::<String>())
        }
        false => text.to_owned(),
    }
}
