//! Values that readers get wrong.

use std::borrow::Cow;

use schemars::JsonSchema;
use serde::Deserialize;

/// A value that readers get wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Mutant {
    /// No bit is set.
    Zero,
    /// The lowest bit alone is set.
    One,
    /// One more.
    PlusOne,
    /// One less.
    MinusOne,
    /// All bits are set.
    AllOnes,
    /// All bits but the highest are set.
    Half,
    /// The highest bit alone is set.
    Sign,
    /// 256 more: the same to who reads one byte.
    BeyondLowByte,
    /// More by one in the upper half: the same to who reads the lower half.
    BeyondLowHalf,
    /// This bit is another.
    Bit(u8),
    /// The last byte is another.
    LastByte,
    /// Start and length add up to zero in the width of the number.
    Wraps,
    /// As far as the bytes reach: the part, or the pair, ends where what holds it ends.
    ToTheEnd,
    /// One more than that.
    PastTheEnd,
    /// The part starts where the token ends.
    AtTheEnd,
    /// The part starts in the fixed part of the message.
    InHeader,
    /// The part starts where another one does.
    Overlapping,
    /// The id of no known pair.
    Unknown,
    /// Of an element: the length is written in one byte more than it needs.
    LongForm,
    /// Of an element: the length is written in five bytes.
    LongestForm,
    /// Of an element: the length is indefinite.
    Indefinite,
    /// Of an element: the length is written in six bytes.
    TooWide,
    /// Of an element: the length is the greatest that four bytes hold.
    Huge,
    /// The element is not there.
    Absent,
    /// The element is there twice.
    Twice,
    /// The element has no content.
    Empty,
    /// The list has ten thousand elements, each as the first.
    TenThousand,
    /// The element stands in as many others of its own kind as a reader should not follow.
    Nested,
    /// The token ends before the place.
    CutBefore,
    /// The token ends one byte before the place does.
    CutWithin,
}

impl Mutant {
    /// The name in ids.
    #[must_use]
    pub fn name(self) -> Cow<'static, str> {
        Cow::Borrowed(match self {
            Self::Zero => "zero",
            Self::One => "one",
            Self::PlusOne => "plus-one",
            Self::MinusOne => "minus-one",
            Self::AllOnes => "all-ones",
            Self::Half => "half",
            Self::Sign => "sign",
            Self::BeyondLowByte => "beyond-low-byte",
            Self::BeyondLowHalf => "beyond-low-half",
            Self::Bit(bit) => return Cow::Owned(format!("bit-{bit}")),
            Self::LastByte => "last-byte",
            Self::Wraps => "wraps",
            Self::ToTheEnd => "to-the-end",
            Self::PastTheEnd => "past-the-end",
            Self::AtTheEnd => "at-the-end",
            Self::InHeader => "in-header",
            Self::Overlapping => "overlapping",
            Self::Unknown => "unknown",
            Self::LongForm => "long-form",
            Self::LongestForm => "longest-form",
            Self::Indefinite => "indefinite",
            Self::TooWide => "too-wide",
            Self::Huge => "huge",
            Self::Absent => "absent",
            Self::Twice => "twice",
            Self::Empty => "empty",
            Self::TenThousand => "ten-thousand",
            Self::Nested => "nested",
            Self::CutBefore => "cut-before",
            Self::CutWithin => "cut-within",
        })
    }
}
