//! Tokens in fragments (MS-SPNG sections 3.1.5.4 to 3.1.5.9): a token whose outer tag and length say more bytes than came
//! is put together before anybody reads it, and one that does not fit its buffer is cut where the caller wants that.
//!
//! The states know nothing of this. A token without such a header, as NTLM's without wrapper, is never in fragments.

use std::{borrow::Cow, mem};

use crate::{
    codec::der::{self, Tag},
    error::{TokenError, TokenErrorKind},
};

/// Room that a fragment needs, in bytes: tag and length of the longest token (MS-SPNG section 3.1.5.6).
pub const SMALLEST: usize = 5;

/// What has come so far of a token in fragments; empty between tokens.
#[derive(Debug, Default)]
pub struct Assembler {
    received: Vec<u8>,
}

impl Assembler {
    /// Whether more of a token is due.
    #[must_use]
    pub fn is_waiting(&self) -> bool {
        !self.received.is_empty()
    }

    /// Takes an input. Gives the token once all of it is there, together with what came behind it; an input that is no
    /// first fragment is passed on as it is. `most` is the length of the longest token that is waited for.
    ///
    /// # Errors
    /// The token would be longer.
    pub fn take<'t>(&mut self, input: &'t [u8], most: usize) -> Result<Option<Cow<'t, [u8]>>, TokenError> {
        if self.received.is_empty() && !misses(input, most)? {
            return Ok(Some(Cow::Borrowed(input)));
        }
        self.received.extend_from_slice(input);
        if misses(&self.received, most)? {
            return Ok(None);
        }
        Ok(Some(Cow::Owned(mem::take(&mut self.received))))
    }
}

/// Whether a token lacks bytes that its header announces.
#[inline]
fn misses(token: &[u8], most: usize) -> Result<bool, TokenError> {
    let Some(announced) = announced(token).filter(|announced| *announced > token.len()) else {
        return Ok(false);
    };
    if announced > most {
        return Err(TokenError::new("token", 1, TokenErrorKind::BadLength(announced)));
    }
    Ok(true)
}

/// Bytes of a token of SPNEGO by its outer tag and length, if both are there.
#[must_use]
#[inline]
pub fn announced(token: &[u8]) -> Option<usize> {
    let outer = [Tag::application(0), Tag::context(0), Tag::context(1)];
    token
        .first()
        .filter(|first| outer.contains(&Tag(**first)))
        .and_then(|_| der::announced(token))
}

/// The next part of a token of which `given` bytes are out already, if what is left does not fit but can be cut.
#[must_use]
pub fn part(token: &[u8], given: usize, room: usize) -> Option<&[u8]> {
    let rest = token.get(given..)?;
    let whole = announced(token) == Some(token.len());
    rest.get(..room)
        .filter(|part| whole && room >= SMALLEST && part.len() < rest.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOKEN: [u8; 9] = [0xA1, 0x07, 0x30, 0x05, 0xA0, 0x03, 0x0A, 0x01, 0x01];

    /// What an assembler makes of each input; nothing for a fragment.
    fn taken(inputs: &[&[u8]]) -> Vec<Option<Vec<u8>>> {
        let mut assembler = Assembler::default();
        let mut take = |input: &&[u8]| assembler.take(input, 9).unwrap().map(Cow::into_owned);
        inputs.iter().map(&mut take).collect()
    }

    #[test]
    fn a_token_is_whole_when_its_length_is_reached() {
        assert_eq!(taken(&[&TOKEN]), [Some(TOKEN.to_vec())]);
        for cut in 2..TOKEN.len() {
            let (first, second) = TOKEN.split_at(cut);
            assert_eq!(taken(&[first, second]), [None, Some(TOKEN.to_vec())], "{cut}");
        }
        assert_eq!(
            taken(&[&TOKEN[..2], &[], &TOKEN[2..]]),
            [None, None, Some(TOKEN.to_vec())]
        );
    }

    #[test]
    fn what_comes_behind_a_token_is_passed_on_with_it() {
        let long = [&TOKEN[..], &[0xFF]].concat();
        assert_eq!(taken(&[&long]), [Some(long.clone())]);
        assert_eq!(taken(&[&long[..4], &long[4..]]), [None, Some(long.clone())]);
    }

    #[test]
    fn nothing_else_is_in_fragments() {
        for input in [
            &b"NTLMSSP\0\x01"[..],
            &[0xA1],
            &[0xA1, 0x82, 1],
            &[0x30, 9, 1],
            &[],
        ] {
            assert_eq!(
                taken(&[input, &TOKEN]),
                [Some(input.to_vec()), Some(TOKEN.to_vec())]
            );
        }
    }

    #[test]
    fn no_more_is_kept_than_a_token_can_have() {
        let of = |length: usize| {
            let content = u32::try_from(length - 6).unwrap().to_be_bytes();
            [&[0xA1, 0x84][..], &content].concat()
        };
        assert_eq!(Assembler::default().take(&of(70_000), 70_000), Ok(None));
        let refused = Assembler::default().take(&of(70_001), 70_000).unwrap_err();
        assert_eq!(
            (refused.offset, refused.kind),
            (1, TokenErrorKind::BadLength(70_001))
        );
    }

    #[test]
    fn a_token_is_cut_to_the_room_that_there_is() {
        assert_eq!(part(&TOKEN, 0, 5), Some(&TOKEN[..5]));
        assert_eq!(part(&TOKEN, 0, 8), Some(&TOKEN[..8]));
        assert_eq!(part(&TOKEN, 5, 5), None);
        assert_eq!(part(&TOKEN, 0, 9), None);
        assert_eq!(part(&TOKEN, 0, 4), None);
        assert_eq!(part(b"NTLMSSP\0\x01", 0, 5), None);
    }
}
