//! Models: the states of both sides of a package, what can come in, and the parts that a message may have or not.
//! Multiplied they are cells, and every cell is to be reached by a case.

use schemars::JsonSchema;
use serde::Deserialize;

use super::{map::UniqueMap, names};
use crate::protocol::Role;

/// The state of a context whose last leg failed. It is a state of either side.
pub const FAILED: &str = "failed";

/// Inputs besides the messages of the package: no token, one without bytes, and one that is no message.
pub const NO_MESSAGE: [&str; 3] = ["none", "empty", "other"];

/// The part that every CHALLENGE has in one of several sizes.
pub const FIXED_PART: &str = "fixed-part";

/// What every first token of Negotiate has or lacks around it.
pub const FRAMING: &str = "framing";

/// One file of `models/`; its name is that of the package.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Model {
    /// What is modelled, for people.
    pub title: String,
    /// States of the initiator in order: the first is before any leg, in the last one it is complete. Those of NTLM go by
    /// the number of legs that succeeded, those of Negotiate by what was sent last.
    pub initiator: Vec<String>,
    /// States of the acceptor, in the same way.
    pub acceptor: Vec<String>,
    /// The messages, each with its optional parts by the paths that scenarios use. Each part is present or absent, or has
    /// one of more forms: `fixed-part` is its size in bytes (32, 40, or 48 and more), `framing` that of a first token.
    pub messages: UniqueMap<Vec<String>>,
    /// Cells that no case can reach.
    #[serde(default)]
    pub unreachable: Vec<Unreachable>,
}

/// Cells that no case can reach. What is left out stands for all.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Unreachable {
    /// The side that is called.
    pub side: Role,
    /// Its state.
    pub state: String,
    /// What comes in.
    #[serde(default)]
    pub input: Option<String>,
    /// A part of the message.
    #[serde(default)]
    pub part: Option<String>,
    /// The form of that part.
    #[serde(default)]
    pub form: Option<String>,
    /// Why no case gets there.
    pub why: String,
}

/// One cell: a side in a state gets an input; for a message, with one of its parts in a form.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Cell {
    /// The side that is called.
    pub side: Role,
    /// Its state.
    pub state: String,
    /// What comes in: the name of a message, or one of [`NO_MESSAGE`].
    pub input: String,
    /// A part of the message.
    pub part: Option<Part>,
}

/// A part of a message in one of its forms.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Part {
    /// Path of the part.
    pub name: String,
    /// Its form.
    pub form: String,
}

impl Model {
    /// The states of a side in order; the last one is [`FAILED`].
    pub fn states(&self, side: Role) -> impl Iterator<Item = &str> {
        self.named(side).iter().map(String::as_str).chain([FAILED])
    }

    fn named(&self, side: Role) -> &[String] {
        match side {
            Role::Initiator => &self.initiator,
            Role::Acceptor => &self.acceptor,
        }
    }

    /// The state in which a side is complete.
    #[must_use]
    pub fn established(&self, side: Role) -> Option<&str> {
        self.named(side).last().map(String::as_str)
    }

    /// Whether a side is complete in a state.
    #[must_use]
    pub fn is_established(&self, side: Role, state: &str) -> bool {
        self.established(side) == Some(state)
    }

    /// The inputs in order.
    pub fn inputs(&self) -> impl Iterator<Item = &str> {
        NO_MESSAGE
            .into_iter()
            .chain(self.messages.iter().map(|(name, _)| name))
    }

    /// All cells in order.
    #[must_use]
    pub fn cells(&self) -> Vec<Cell> {
        let mut cells = Vec::new();
        for side in Role::BOTH {
            for state in self.states(side) {
                for input in self.inputs() {
                    cells.extend(self.parts(input).into_iter().map(|part| Cell {
                        side,
                        state: state.to_owned(),
                        input: input.to_owned(),
                        part,
                    }));
                }
            }
        }
        cells
    }

    /// The parts of an input in each of their forms; a single absence for an input without parts.
    fn parts(&self, input: &str) -> Vec<Option<Part>> {
        let names = self.messages.get(input).map(Vec::as_slice).unwrap_or_default();
        let of = |name: &String| {
            let forms = forms(name).iter().map(|form| Part {
                name: name.clone(),
                form: (*form).to_owned(),
            });
            forms.map(Some).collect::<Vec<_>>()
        };
        match names {
            [] => vec![None],
            names => names.iter().flat_map(of).collect(),
        }
    }
}

impl Unreachable {
    /// Whether a cell is among those that are meant.
    #[must_use]
    pub fn covers(&self, cell: &Cell) -> bool {
        let same = |wanted: &Option<String>, found: Option<&String>| {
            wanted.as_ref().is_none_or(|wanted| Some(wanted) == found)
        };
        let part = cell.part.as_ref();
        self.side == cell.side
            && self.state == cell.state
            && same(&self.input, Some(&cell.input))
            && same(&self.part, part.map(|part| &part.name))
            && same(&self.form, part.map(|part| &part.form))
    }
}

/// The forms of a part.
#[must_use]
pub fn forms(part: &str) -> &'static [&'static str] {
    match part {
        FIXED_PART => &["32", "40", "48"],
        FRAMING => &["framed", "bare"],
        "mech-types" => &["absent", "empty", "one", "many"],
        "mech-token" | "response-token" => &["absent", "empty", "ntlm", "negoex", "other"],
        "hint-name" | "hint-address" | "mech-list-mic" => &["absent", "empty", "present"],
        "neg-state" => &[
            "absent",
            "accept-completed",
            "accept-incomplete",
            "reject",
            "request-mic",
            "other",
        ],
        "supported-mech" => &["absent", "ntlm", "other"],
        _ => &["present", "absent"],
    }
}

/// Whether a message can have a part of a name.
#[must_use]
pub fn is_part(message: &str, part: &str) -> bool {
    names::is_field(Some(message), part)
        || matches!(
            (message, part),
            ("challenge", FIXED_PART) | ("neg-token-init" | "neg-token-init2", FRAMING)
        )
}
