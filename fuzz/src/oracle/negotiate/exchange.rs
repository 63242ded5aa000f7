//! Runs an exchange, leg by leg, and tells what passed.

use legwork_engine::{
    call::{CtxtHandle, LegReply},
    error::Error,
    flags::{AcceptAttributes, InitAttributes},
    negotiate::messages::{NegTokenResp, Token},
    ntlm::messages::Authenticate,
    status::SecurityStatus as Status,
};

use super::super::{
    documented::{OF_NEGOTIATE_ACCEPTOR, OF_NEGOTIATE_INITIATOR, documented},
    world::{Pair, token},
};

/// Legs of the longest exchange: a hint, an offer, its answer, three tokens of the mechanism and two codes.
const MOST_LEGS: usize = 10;

/// One leg and the token that it put out.
#[derive(Clone, Debug)]
pub struct Leg {
    /// Whether it is the initiator's.
    pub initiates: bool,
    /// What the call answered.
    pub status: Status,
    /// The token.
    pub sent: Vec<u8>,
    /// The token as it arrived at the other side.
    pub arrived: Vec<u8>,
}

/// Both sides are done.
#[derive(Clone, Copy, Debug)]
pub struct End {
    /// The initiator's context.
    pub initiator: CtxtHandle,
    /// The acceptor's context.
    pub acceptor: CtxtHandle,
    /// What the initiator was granted.
    pub initiator_granted: InitAttributes,
    /// What the acceptor was granted.
    pub acceptor_granted: AcceptAttributes,
}

/// What happened.
#[derive(Clone, Debug, Default)]
pub struct Course {
    /// Every leg that did not end the exchange with a refusal.
    pub legs: Vec<Leg>,
    /// The status of the leg that refused, whether it was the initiator's, and the token that came with it.
    pub refusal: Option<(bool, Status, Vec<u8>)>,
    /// How it ended, if both sides are done.
    pub end: Option<End>,
    contexts: [Option<CtxtHandle>; 2],
    granted: (Option<InitAttributes>, Option<AcceptAttributes>),
}

/// What a leg answered, of either side.
struct Answer {
    status: Status,
    token: Vec<u8>,
}

impl Course {
    /// As [`Self::run_in_fragments`], with whole tokens.
    ///
    /// # Panics
    /// A leg answers what is not documented.
    pub fn run(pair: &mut Pair, hinted: bool, carry: impl FnMut(&[Leg]) -> Vec<u8>) -> Self {
        Self::run_in_fragments(pair, hinted, 0, carry)
    }

    /// Runs an exchange. `carry` gets the legs so far, the last of which has just put out its token, and says what arrives.
    /// It arrives in fragments of so many bytes, unless they are none.
    ///
    /// # Panics
    /// A leg answers what is not documented, or a fragment with anything but the wish for more.
    pub fn run_in_fragments(
        pair: &mut Pair,
        hinted: bool,
        size: u8,
        mut carry: impl FnMut(&[Leg]) -> Vec<u8>,
    ) -> Self {
        let mut course = Self::default();
        let (mut initiates, mut arrived) = (!hinted, None);
        while course.legs.len() < MOST_LEGS && !course.is_done(initiates) {
            let (fragments, rest) = cut(arrived.as_deref().unwrap_or_default(), size.into());
            for fragment in fragments {
                let Answer { status, token } = course.leg(pair, initiates, Some(fragment));
                assert_eq!((status, token.len()), (Status::SEC_I_CONTINUE_NEEDED, 0));
            }
            let answer = course.leg(pair, initiates, arrived.is_some().then_some(rest));
            if answer.status.is_failure() {
                course.refusal = Some((initiates, answer.status, answer.token));
                return course;
            }
            let silent = answer.token.is_empty();
            course.legs.push(Leg {
                initiates,
                status: answer.status,
                arrived: answer.token.clone(),
                sent: answer.token,
            });
            if silent {
                break;
            }
            let carried = carry(&course.legs);
            if let Some(leg) = course.legs.last_mut() {
                leg.arrived.clone_from(&carried);
            }
            (arrived, initiates) = (Some(carried), !initiates);
        }
        course.end = course.both();
        course
    }

    /// Whether a side has completed.
    #[must_use]
    pub fn is_done(&self, initiates: bool) -> bool {
        match initiates {
            true => self.granted.0.is_some(),
            false => self.granted.1.is_some(),
        }
    }

    /// The context of a side, once it has made a leg.
    #[must_use]
    pub fn context(&self, initiates: bool) -> Option<CtxtHandle> {
        let [initiator, acceptor] = self.contexts;
        if initiates { initiator } else { acceptor }
    }

    fn both(&self) -> Option<End> {
        let [initiator, acceptor] = self.contexts;
        Some(End {
            initiator: initiator?,
            acceptor: acceptor?,
            initiator_granted: self.granted.0?,
            acceptor_granted: self.granted.1?,
        })
    }

    fn leg(&mut self, pair: &mut Pair, initiates: bool, arrived: Option<&[u8]>) -> Answer {
        let [initiator, acceptor] = &mut self.contexts;
        if initiates {
            let reply = pair.initialize(*initiator, arrived);
            // Whether there is anything to offer is up to the caller.
            let first = !self.legs.iter().any(|leg| leg.initiates);
            if !first || reply.status != Status::SEC_E_NO_CREDENTIALS {
                documented(reply.status, reply.error.as_ref(), OF_NEGOTIATE_INITIATOR);
            }
            *initiator = reply.context.or(*initiator);
            self.granted.0 = (reply.status == Status::SEC_E_OK).then_some(reply.attributes);
            Answer::of(&reply)
        } else {
            let reply = pair.accept(*acceptor, arrived);
            documented(reply.status, reply.error.as_ref(), OF_NEGOTIATE_ACCEPTOR);
            *acceptor = reply.context.or(*acceptor);
            self.granted.1 = (reply.status == Status::SEC_E_OK).then_some(reply.attributes);
            Answer::of(&reply)
        }
    }

    /// Whether a token changed on its way.
    #[must_use]
    pub fn changed(&self) -> bool {
        self.legs.iter().any(|leg| leg.sent != leg.arrived)
    }

    /// The tokens that arrived at a side.
    pub fn arrived_at(&self, initiates: bool) -> impl Iterator<Item = &[u8]> {
        let legs = self.legs.iter().filter(move |leg| leg.initiates != initiates);
        legs.map(|leg| &*leg.arrived)
    }

    /// The messages of NTLM, as they were sent and as they arrived.
    #[must_use]
    pub fn messages(&self) -> [Vec<Vec<u8>>; 2] {
        let of = |token: fn(&Leg) -> &[u8]| self.legs.iter().filter_map(|leg| ntlm(token(leg))).collect();
        [of(|leg| &leg.sent), of(|leg| &leg.arrived)]
    }

    /// The last AUTHENTICATE message, as it was sent and as it arrived.
    #[must_use]
    pub fn authenticate(&self) -> [Option<Vec<u8>>; 2] {
        let last = |messages: Vec<Vec<u8>>| {
            messages
                .into_iter()
                .rfind(|bytes| Authenticate::parse(bytes).is_ok())
        };
        self.messages().map(last)
    }
}

impl Answer {
    fn of<A>(reply: &LegReply<A>) -> Self {
        let token = token(&reply.output);
        if reply.status.is_failure() {
            only_a_rejection(&token, reply.error.as_ref());
        } else if !token.is_empty() {
            assert!(Token::parse(&token).is_ok(), "a side sends what cannot be read");
        }
        Self {
            status: reply.status,
            token,
        }
    }
}

/// Whoever refuses says so or nothing.
fn only_a_rejection(token: &[u8], error: Option<&Error>) {
    if !token.is_empty() {
        let rejection = NegTokenResp {
            neg_state: Some(legwork_engine::negotiate::messages::NegState::REJECT),
            ..NegTokenResp::default()
        };
        assert_eq!(NegTokenResp::parse(token), Ok(rejection), "beside {error:?}");
    }
}

/// Whether the outer tag and length of a token of SPNEGO are there, and say more bytes than there are.
#[must_use]
pub fn is_cut_short(token: &[u8]) -> bool {
    let Some((outer, [first, rest @ ..])) = token.split_first() else {
        return false;
    };
    let digits = match first {
        0..=0x7F => Some(std::slice::from_ref(first)),
        0x81..=0x84 => rest.get(..usize::from(first & 0x7F)),
        _ => None,
    };
    let Some(digits) = digits.filter(|_| [0x60, 0xA0, 0xA1].contains(outer)) else {
        return false;
    };
    let header = if *first < 0x80 {
        2
    } else {
        digits.len().saturating_add(2)
    };
    let content = digits
        .iter()
        .fold(0_u64, |length, digit| length << 8 | u64::from(*digit));
    let there = u64::try_from(token.len().saturating_sub(header));
    there.is_ok_and(|there| there < content)
}

/// Longest token that is cut, in bytes: no genuine one is longer.
const MOST_CUT: usize = 4096;

/// The fragments of a token of SPNEGO but the last, and that one. The first has at least tag and length.
fn cut(token: &[u8], size: usize) -> (Vec<&[u8]>, &[u8]) {
    let mut rest = token;
    let mut fragments = Vec::new();
    let first = token
        .get(..size.max(6))
        .filter(|first| size > 0 && is_cut_short(first));
    let Some(first) = first.filter(|_| token.len() <= MOST_CUT && !is_cut_short(token)) else {
        return (fragments, token);
    };
    fragments.push(first);
    rest = rest.get(first.len()..).unwrap_or_default();
    // Bytes behind the token, if there are any, come with its last fragment.
    while let Some((fragment, behind)) = rest.split_at_checked(size)
        && is_cut_short(
            token
                .get(..token.len().saturating_sub(behind.len()))
                .unwrap_or_default(),
        )
    {
        fragments.push(fragment);
        rest = behind;
    }
    (fragments, rest)
}

/// The token of the mechanism within a token of Negotiate.
#[must_use]
pub fn inner(token: &[u8]) -> Option<Vec<u8>> {
    match Token::parse(token).ok()? {
        Token::Framed(init) | Token::Bare(init) => init.mech_token.map(Into::into),
        Token::Resp(resp) => resp.response_token.map(Into::into),
        Token::Ntlm(message) => Some(message.to_vec()),
        _ => None,
    }
}

/// The message of NTLM within a token.
fn ntlm(token: &[u8]) -> Option<Vec<u8>> {
    inner(token).filter(|message| message.starts_with(b"NTLMSSP\0"))
}

/// Whether a later token has a code over the list of mechanisms; the mechanism's token once more is none.
#[must_use]
pub fn has_code(token: &[u8]) -> bool {
    NegTokenResp::parse(token).is_ok_and(|resp| {
        let code = resp.mech_list_mic.as_deref();
        code.is_some_and(|code| code.is_empty() || Some(code) != resp.response_token.as_deref())
    })
}
