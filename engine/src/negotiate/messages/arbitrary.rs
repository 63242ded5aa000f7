//! Structured inputs for fuzzing: any value that `parse` can return.

use std::borrow::Cow;

use arbitrary::{Arbitrary, Result, Unstructured};

use super::{InitForm, MechTypes, NegHints, NegState, NegTokenInit, NegTokenResp, Oid, ReqFlags};
use crate::codec::der::{self, Tag, Tolerances};

/// A part of up to 254 bytes, or all that is left.
fn part(input: &mut Unstructured<'_>) -> Result<Cow<'static, [u8]>> {
    let length = match u8::arbitrary(input)? {
        u8::MAX => usize::MAX,
        length => usize::from(length),
    };
    let bytes = input.bytes(length.min(input.len()))?;
    Ok(Cow::Owned(bytes.to_vec()))
}

fn optional<'i, T>(
    input: &mut Unstructured<'i>,
    of: impl FnOnce(&mut Unstructured<'i>) -> Result<T>,
) -> Result<Option<T>> {
    if input.arbitrary()? {
        of(input).map(Some)
    } else {
        Ok(None)
    }
}

/// Elements of later versions.
fn extensions(input: &mut Unstructured<'_>) -> Result<Cow<'static, [u8]>> {
    let mut out = Vec::new();
    for _ in 0..input.int_in_range(0..=2)? {
        let number = input.int_in_range(5..=30)?;
        der::element(&mut out, Tag::context(number), &part(input)?);
    }
    Ok(Cow::Owned(out))
}

/// A known identifier or any other.
impl<'i> Arbitrary<'i> for Oid<'static> {
    fn arbitrary(input: &mut Unstructured<'i>) -> Result<Self> {
        if input.arbitrary()? {
            return Ok(input.choose(Oid::NAMED)?.1.clone());
        }
        let arcs: Vec<u8> = input.bytes(input.len().min(6))?.to_vec();
        let mut bytes: Vec<u8> = arcs
            .into_iter()
            .map(|byte| if byte == 0x80 { 0x81 } else { byte })
            .collect();
        bytes.push(input.int_in_range(0..=0x7F)?);
        Ok(Self(Cow::Owned(bytes)))
    }
}

impl<'i> Arbitrary<'i> for MechTypes<'static> {
    fn arbitrary(input: &mut Unstructured<'i>) -> Result<Self> {
        let mut list = Vec::new();
        for _ in 0..input.int_in_range(0..=6)? {
            list.push(Oid::arbitrary(input)?);
        }
        Ok(MechTypes::new(&list))
    }
}

impl<'i> Arbitrary<'i> for ReqFlags<'static> {
    fn arbitrary(input: &mut Unstructured<'i>) -> Result<Self> {
        let mut content = vec![input.int_in_range(0..=7)?];
        content.extend_from_slice(&part(input)?);
        if content.len() == 1 {
            content = vec![0];
        }
        Ok(Self(Cow::Owned(content)))
    }
}

impl<'i> Arbitrary<'i> for NegHints<'static> {
    fn arbitrary(input: &mut Unstructured<'i>) -> Result<Self> {
        Ok(Self {
            hint_name: optional(input, part)?,
            hint_address: optional(input, part)?,
        })
    }
}

impl<'i> Arbitrary<'i> for NegTokenInit<'static> {
    fn arbitrary(input: &mut Unstructured<'i>) -> Result<Self> {
        let mech_types = optional(input, MechTypes::arbitrary)?;
        let hints = optional(input, NegHints::arbitrary)?;
        let mech_list_mic = optional(input, part)?;
        // The form shows only in what the token has.
        let second = hints.is_some() || (mech_list_mic.is_some() && input.arbitrary()?);
        Ok(Self {
            form: if second {
                InitForm::Microsoft
            } else {
                InitForm::Rfc
            },
            mech_types,
            req_flags: optional(input, ReqFlags::arbitrary)?,
            mech_token: optional(input, part)?,
            hints,
            mech_list_mic,
            extensions: extensions(input)?,
            tolerated: Tolerances::empty(),
        })
    }
}

impl<'i> Arbitrary<'i> for NegTokenResp<'static> {
    fn arbitrary(input: &mut Unstructured<'i>) -> Result<Self> {
        Ok(Self {
            neg_state: optional(input, |input| Ok(NegState(input.arbitrary()?)))?,
            supported_mech: optional(input, Oid::arbitrary)?,
            response_token: optional(input, part)?,
            mech_list_mic: optional(input, part)?,
            extensions: extensions(input)?,
            tolerated: Tolerances::empty(),
        })
    }
}
