//! Ordinary tokens to start from.

use legwork_engine::{
    codec::utf16::Text,
    ntlm::messages::{
        Authenticate, AvId, AvPairsBuf, Challenge, ClientChallenge, Negotiate, NegotiateFlags,
        NtlmV2Response, Version,
    },
};

const AGREED: NegotiateFlags = NegotiateFlags::UNICODE
    .union(NegotiateFlags::REQUEST_TARGET)
    .union(NegotiateFlags::SIGN)
    .union(NegotiateFlags::SEAL)
    .union(NegotiateFlags::NTLM)
    .union(NegotiateFlags::ALWAYS_SIGN)
    .union(NegotiateFlags::EXTENDED_SESSIONSECURITY)
    .union(NegotiateFlags::VERSION)
    .union(NegotiateFlags::NEGOTIATE_128)
    .union(NegotiateFlags::KEY_EXCH)
    .union(NegotiateFlags::NEGOTIATE_56);

/// 2024-01-15, in 100 ns units since 1601-01-01.
const NOW: u64 = 133_497_504_000_000_000;

pub(crate) fn utf16(text: &str) -> Vec<u8> {
    Text::from(text).to_le_bytes()
}

pub(crate) fn negotiate() -> Negotiate<'static> {
    Negotiate {
        flags: AGREED | NegotiateFlags::OEM | NegotiateFlags::OEM_DOMAIN_SUPPLIED,
        domain: b"DOMAIN".as_slice().into(),
        workstation: b"".as_slice().into(),
        version: Some(Version::OURS),
    }
}

pub(crate) fn pairs() -> AvPairsBuf {
    let mut pairs = AvPairsBuf::default();
    pairs.push(AvId::NB_DOMAIN_NAME, &utf16("DOMAIN"));
    pairs.push(AvId::NB_COMPUTER_NAME, &utf16("SERVER"));
    pairs.push(AvId::DNS_COMPUTER_NAME, &utf16("server.domain.example"));
    pairs.push(AvId::TIMESTAMP, &NOW.to_le_bytes());
    pairs
}

pub(crate) fn challenge() -> Challenge<'static> {
    Challenge {
        target_name: utf16("DOMAIN").into(),
        flags: AGREED | NegotiateFlags::TARGET_INFO | NegotiateFlags::TARGET_TYPE_DOMAIN,
        server_challenge: *b"challeng",
        reserved: [0; 8],
        target_info: pairs().terminate().into(),
        version: Some(Version::OURS),
    }
}

pub(crate) fn authenticate() -> Authenticate<'static> {
    let mut pairs = pairs();
    pairs.push(AvId::FLAGS, &2u32.to_le_bytes());
    pairs.push(AvId::CHANNEL_BINDINGS, &[0; 16]);
    pairs.push(AvId::TARGET_NAME, &utf16("HTTP/server.domain.example"));
    let response = NtlmV2Response {
        proof: [0x11; 16],
        client_challenge: ClientChallenge {
            response_type: 1,
            highest_response_type: 1,
            reserved: [0; 6],
            timestamp: NOW,
            challenge: [0x22; 8],
            reserved3: [0; 4],
            av_pairs: pairs.terminate().into(),
            trailer: [0; 4].as_slice().into(),
        },
    };
    Authenticate {
        lm_response: vec![0; 24].into(),
        nt_response: response.emit().into(),
        domain: utf16("Domain").into(),
        user: utf16("User").into(),
        workstation: utf16("COMPUTER").into(),
        encrypted_session_key: vec![0x33; 16].into(),
        flags: AGREED | NegotiateFlags::TARGET_INFO,
        version: Some(Version::OURS),
        mic: Some([0x44; 16]),
    }
}
