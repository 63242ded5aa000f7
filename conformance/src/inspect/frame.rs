//! What the three messages have in common: a fixed part, read field by field after the engine's tables, and a payload
//! that its descriptors point into. Everything that can be read is read; the first missing field ends the fixed part.

use legwork_engine::{
    codec,
    error::{TokenError, TokenErrorKind},
    ntlm::messages::{Descriptor, FixedField, MessageType, NegotiateFlags, SIGNATURE, Version},
};

use super::{
    layout,
    model::{Encoding, Node, Value},
    part::{self, Part},
    rules,
};

/// Fields that old senders leave out.
const OPTIONAL: [&str; 4] = ["Reserved", "TargetInfo", "Version", "MIC"];

/// A message under inspection.
#[derive(Debug)]
pub(super) struct Frame<'a> {
    pub(super) token: Part<'a>,
    /// The flags, if the token reaches that far; else none is set.
    pub(super) flags: NegotiateFlags,
    /// Whether the token reaches as far as the flags.
    pub(super) has_flags: bool,
    pub(super) version: Option<Version>,
    /// The code, if the fixed part has room for one.
    pub(super) mic: Option<[u8; 16]>,
    /// Nodes of the fixed part.
    header: Vec<Node>,
    /// Offset behind the fixed part.
    header_end: usize,
    descriptors: Vec<(FixedField, Descriptor)>,
    /// Parts of the payload, in the order of their descriptors.
    parts: Vec<Node>,
}

impl<'a> Frame<'a> {
    /// Reads the fixed part.
    pub(super) fn read(token: Part<'a>, expected: MessageType, fields: &[FixedField]) -> Self {
        let mut frame = Self {
            token,
            flags: NegotiateFlags::empty(),
            has_flags: false,
            version: None,
            mic: None,
            header: Vec::new(),
            header_end: 0,
            descriptors: Vec::new(),
            parts: Vec::new(),
        };
        // The flags say whether TargetInfo must be there, whatever the layout says, and stand in front of it.
        for field in fields {
            let Some(field) = &frame.placed(field) else {
                continue;
            };
            frame.header_end = field.offset.saturating_add(field.size);
            if let Err(error) = frame.fixed(field, expected) {
                frame.cut(field, error);
                break;
            }
        }
        frame.header_end = frame.header_end.min(token.length());
        frame
    }

    /// A field where it stands, if it is there. A payload that leaves room for the MIC but not for the version in
    /// front of it belongs to a message that leaves the version out.
    fn placed(&self, field: &FixedField) -> Option<FixedField> {
        let without_version = (80..88).contains(&self.payload_start());
        match field.name {
            "Version" if field.offset == 64 && without_version => None,
            "MIC" if without_version => Some(FixedField { offset: 64, ..*field }),
            _ => self.has_room(field).then_some(*field),
        }
    }

    /// Whether an optional field is there: the payload begins behind it.
    fn has_room(&self, field: &FixedField) -> bool {
        let demanded = field.name == "TargetInfo" && self.flags.contains(NegotiateFlags::TARGET_INFO);
        let end = field.offset.saturating_add(field.size);
        !OPTIONAL.contains(&field.name) || demanded || self.payload_start() >= end
    }

    /// Where the payload begins, as the engine sees it.
    pub(super) fn payload_start(&self) -> usize {
        let lowest = self
            .descriptors
            .iter()
            .filter(|(_, descriptor)| descriptor.length > 0)
            .map(|(_, descriptor)| codec::index(descriptor.offset))
            .min();
        let length = self.token.length();
        lowest.map_or(length, |lowest| lowest.min(length))
    }

    fn fixed(&mut self, field: &FixedField, expected: MessageType) -> Result<(), TokenError> {
        if field.describes_payload {
            return self.describe(field);
        }
        let part = self.token.sub(field.offset, field.size);
        let node = match field.name {
            "Signature" => self.signature(part)?,
            "MessageType" => self.message_type(part, expected)?,
            "NegotiateFlags" => {
                self.flags = NegotiateFlags::from_bits_retain(part.u32(0, field.name)?);
                self.has_flags = true;
                part.node(field.name)
                    .with(part::negotiate_flags(self.flags))
                    .at_path("flags")
            }
            "Version" => self.read_version(part)?,
            "MIC" => {
                self.mic = Some(self.array(field)?);
                part.raw(field.name).at_path("mic")
            }
            name => {
                let _: [u8; 8] = self.array(field)?;
                part.raw(name).at_path(path(name))
            }
        };
        self.header.push(node);
        Ok(())
    }

    fn array<const N: usize>(&self, field: &FixedField) -> Result<[u8; N], TokenError> {
        codec::array(self.token.bytes, field.offset, field.name).map_err(|error| self.token.placed(error))
    }

    fn signature(&self, part: Part<'_>) -> Result<Node, TokenError> {
        let found: [u8; 8] =
            codec::array(self.token.bytes, 0, "Signature").map_err(|error| self.token.placed(error))?;
        Ok(if found == SIGNATURE {
            part.text("Signature", Encoding::Oem)
        } else {
            part.raw("Signature")
                .failing(part.error("Signature", 0, TokenErrorKind::BadSignature))
        })
    }

    fn message_type(&self, part: Part<'_>, expected: MessageType) -> Result<Node, TokenError> {
        let found = part.u32(0, "MessageType")?;
        let node = part.number("MessageType", meaning(MessageType(found)));
        Ok(if found == expected.0 {
            node
        } else {
            node.failing(part.error("MessageType", 0, TokenErrorKind::WrongMessageType(found)))
        })
    }

    fn read_version(&mut self, part: Part<'_>) -> Result<Node, TokenError> {
        let [major, minor, low, high, r0, r1, r2, revision] =
            codec::array(part.bytes, 0, "Version").map_err(|error| part.placed(error))?;
        let version = Version {
            major,
            minor,
            build: u16::from_le_bytes([low, high]),
            reserved: [r0, r1, r2],
            revision,
        };
        self.version = Some(version);
        Ok(part
            .node("Version")
            .with(part::version(version))
            .at_path("version")
            .holding(vec![
                part.sub(0, 1).number("ProductMajorVersion", None),
                part.sub(1, 1).number("ProductMinorVersion", None),
                part.sub(2, 2).number("ProductBuild", None),
                part.sub(4, 3).raw("Reserved"),
                part.sub(7, 1).number("NTLMRevisionCurrent", None),
            ]))
    }

    fn describe(&mut self, field: &FixedField) -> Result<(), TokenError> {
        let descriptor = Descriptor::parse(self.token.bytes, field.offset, field.name)
            .map_err(|error| self.token.placed(error))?;
        let part = self.token.sub(field.offset, field.size);
        let name = field.name;
        let mut node = part
            .node(format!("{name}Fields"))
            .with(Value::Descriptor {
                length: descriptor.length,
                maximum: descriptor.max_length,
                offset: descriptor.offset,
            })
            .holding(vec![
                part.sub(0, 2).number(format!("{name}Len"), None),
                part.sub(2, 2).number(format!("{name}MaxLen"), None),
                part.sub(4, 4).number(format!("{name}BufferOffset"), None),
            ]);
        if descriptor.length != descriptor.max_length {
            node.warn(None, "MaxLen differs from Len");
        }
        self.descriptors.push((*field, descriptor));
        self.header.push(node);
        Ok(())
    }

    /// Notes that the token ends within a field.
    fn cut(&mut self, field: &FixedField, error: TokenError) {
        let rest = self.token.sub(field.offset, field.size);
        let name = match field.describes_payload {
            true => format!("{}Fields", field.name),
            false => field.name.to_owned(),
        };
        self.header.push(rest.raw(name).failing(error));
    }

    /// The descriptor of a part.
    pub(super) fn descriptor(&self, name: &str) -> Option<Descriptor> {
        let mut found = self.descriptors.iter().filter(|(field, _)| field.name == name);
        found.next().map(|(_, descriptor)| *descriptor)
    }

    /// Whether a descriptor says that a part has bytes.
    pub(super) fn has_bytes(&self, name: &str) -> bool {
        self.descriptor(name).is_some_and(|part| part.length > 0)
    }

    /// Adds a warning to a node of the fixed part, or to the first one if there is no such node.
    pub(super) fn warn(&mut self, name: &str, rule: Option<&'static str>, text: impl Into<String>) {
        let position = self.header.iter().position(|node| node.name == name);
        if let Some(node) = self.header.get_mut(position.unwrap_or(0)) {
            node.warn(rule, text);
        }
    }

    /// Adds a warning to the flags.
    pub(super) fn warn_flags(&mut self, rule: Option<&'static str>, text: impl Into<String>) {
        self.warn("NegotiateFlags", rule, text);
    }

    /// The node of a descriptor.
    fn descriptor_mut(&mut self, name: &str) -> Option<&mut Node> {
        let name = format!("{name}Fields");
        self.header.iter_mut().find(|node| node.name == name)
    }

    /// Decodes a part of the payload that begins behind the first `header` bytes. With `lenient`, a descriptor that
    /// points nowhere is odd, but no error.
    pub(super) fn payload(
        &mut self,
        name: &'static str,
        path: &'static str,
        (header, lenient): (usize, bool),
        decode: impl FnOnce(Part<'a>) -> Node,
    ) {
        let Some((field, descriptor)) = self
            .descriptors
            .iter()
            .copied()
            .find(|(field, _)| field.name == name)
        else {
            return;
        };
        if descriptor.length == 0 {
            if let Some(node) = self.descriptor_mut(name) {
                node.path = Some(path.to_owned());
            }
            return;
        }
        let start = codec::index(descriptor.offset);
        let part = self.token.sub(start, usize::from(descriptor.length));
        match descriptor.bytes(self.token.bytes, header, field.offset, name) {
            Ok(_) => self.parts.push(decode(part).at_path(path)),
            Err(error) => {
                let error = self.token.placed(error);
                match (self.descriptor_mut(name), lenient) {
                    (Some(node), true) => node.warn(rules::FIELDS_WITHIN_MESSAGE, error.kind.to_string()),
                    (Some(node), false) => node.errors.push(error.into()),
                    (None, _) => {}
                }
                if part.length() > 0 {
                    self.parts.push(decode(part).without_paths());
                }
            }
        }
    }

    /// The part of the payload of a name, decoded before.
    pub(super) fn part_mut(&mut self, name: &str) -> Option<&mut Node> {
        self.parts.iter_mut().find(|node| node.name == name)
    }

    /// Puts the message together; `order` is the usual order of the payload, if there is one.
    pub(super) fn finish(self, name: &str, order: &[&str]) -> Node {
        let mut children = self.header;
        let rest = layout::payload(self.token, self.header_end, self.parts, order);
        children.extend(rest);
        self.token.node(name).holding(children)
    }
}

/// The path in scenarios of a field of eight bytes.
fn path(name: &str) -> &'static str {
    match name {
        "ServerChallenge" => "server-challenge",
        _ => "reserved",
    }
}

/// The name of a message type.
pub(super) fn meaning(found: MessageType) -> Option<&'static str> {
    match found {
        MessageType::NEGOTIATE => Some("NEGOTIATE"),
        MessageType::CHALLENGE => Some("CHALLENGE"),
        MessageType::AUTHENTICATE => Some("AUTHENTICATE"),
        _ => None,
    }
}
