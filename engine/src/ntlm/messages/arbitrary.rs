//! Structured inputs for fuzzing: any value that `parse` can return.

use std::borrow::Cow;

use arbitrary::{Arbitrary, Result, Unstructured};

use super::{
    Authenticate, AvId, AvPairsBuf, Challenge, ClientChallenge, Negotiate, NegotiateFlags, NtlmV2Response,
    Signature, Version,
};

/// Longest part that a descriptor can describe.
const LONGEST: usize = 65_535;

/// A part of up to 254 bytes, or all that is left.
fn part(input: &mut Unstructured<'_>) -> Result<Cow<'static, [u8]>> {
    let length = match u8::arbitrary(input)? {
        u8::MAX => LONGEST,
        length => usize::from(length),
    };
    let bytes = input.bytes(length.min(input.len()))?;
    Ok(Cow::Owned(bytes.to_vec()))
}

impl<'i> Arbitrary<'i> for NegotiateFlags {
    fn arbitrary(input: &mut Unstructured<'i>) -> Result<Self> {
        Ok(Self::from_bits_retain(u32::arbitrary(input)?))
    }
}

impl<'i> Arbitrary<'i> for Version {
    fn arbitrary(input: &mut Unstructured<'i>) -> Result<Self> {
        Ok(Self {
            major: input.arbitrary()?,
            minor: input.arbitrary()?,
            build: input.arbitrary()?,
            reserved: input.arbitrary()?,
            revision: input.arbitrary()?,
        })
    }
}

impl<'i> Arbitrary<'i> for Negotiate<'static> {
    fn arbitrary(input: &mut Unstructured<'i>) -> Result<Self> {
        Ok(Self {
            flags: input.arbitrary()?,
            version: input.arbitrary()?,
            domain: part(input)?,
            workstation: part(input)?,
        })
    }
}

impl<'i> Arbitrary<'i> for Challenge<'static> {
    fn arbitrary(input: &mut Unstructured<'i>) -> Result<Self> {
        Ok(Self {
            flags: input.arbitrary()?,
            server_challenge: input.arbitrary()?,
            reserved: input.arbitrary()?,
            version: input.arbitrary()?,
            target_name: part(input)?,
            target_info: if input.arbitrary()? {
                Cow::Owned(pairs(input)?)
            } else {
                part(input)?
            },
        })
    }
}

impl<'i> Arbitrary<'i> for Authenticate<'static> {
    fn arbitrary(input: &mut Unstructured<'i>) -> Result<Self> {
        let mic: Option<[u8; 16]> = input.arbitrary()?;
        let version: Option<Version> = input.arbitrary()?;
        Ok(Self {
            flags: input.arbitrary()?,
            // A code implies a version.
            version: version.or_else(|| mic.map(|_| Version::default())),
            mic,
            domain: part(input)?,
            user: part(input)?,
            workstation: part(input)?,
            encrypted_session_key: part(input)?,
            lm_response: part(input)?,
            nt_response: part(input)?,
        })
    }
}

impl<'i> Arbitrary<'i> for NtlmV2Response<'static> {
    fn arbitrary(input: &mut Unstructured<'i>) -> Result<Self> {
        Ok(Self {
            proof: input.arbitrary()?,
            client_challenge: input.arbitrary()?,
        })
    }
}

impl<'i> Arbitrary<'i> for ClientChallenge<'static> {
    fn arbitrary(input: &mut Unstructured<'i>) -> Result<Self> {
        Ok(Self {
            response_type: 1,
            highest_response_type: input.arbitrary()?,
            reserved: input.arbitrary()?,
            timestamp: input.arbitrary()?,
            challenge: input.arbitrary()?,
            reserved3: input.arbitrary()?,
            trailer: part(input)?,
            av_pairs: Cow::Owned(pairs(input)?),
        })
    }
}

impl<'i> Arbitrary<'i> for Signature {
    fn arbitrary(input: &mut Unstructured<'i>) -> Result<Self> {
        Ok(Self {
            version: input.arbitrary()?,
            checksum: input.arbitrary()?,
            sequence: input.arbitrary()?,
        })
    }
}

/// A well-formed list: known and unknown ids, values of any length, one terminator.
fn pairs(input: &mut Unstructured<'_>) -> Result<Vec<u8>> {
    let mut list = AvPairsBuf::default();
    for _ in 0..input.int_in_range(0..=8)? {
        let id: u16 = if input.arbitrary()? {
            input.int_in_range(1..=10)?
        } else {
            input.arbitrary()?
        };
        if id != AvId::EOL.0 {
            list.push(AvId(id), &part(input)?);
        }
    }
    Ok(list.terminate())
}
