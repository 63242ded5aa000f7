"""The library's codec and key functions by themselves: `decode` and `derive`.

They stand in modules that the library keeps to itself (`spnego._ntlm_raw`); its provider calls the same ones.
"""

import struct
import typing

from legwork_adapter import Adapter, Json, Raised, Unsupported, library, returned
from spnego._ntlm_raw import crypto
from spnego._ntlm_raw.messages import (
    Authenticate,
    Challenge,
    FileTime,
    Negotiate,
    NegotiateFlags,
    NTClientChallengeV2,
    NTLMMessage,
    SingleHost,
    TargetInfo,
    Version,
)
from spnego.channel_bindings import GssChannelBindings

# What a function does not look at.
NONE, ZEROS = b"\0" * 8, b"\0" * 16


def flag_word(flags: int) -> str:
    return f"{int(flags) & 0xFFFFFFFF:#010x}"


def version_of(value: typing.Optional[Version]) -> typing.Optional[Json]:
    if value is None:
        return None
    return {"major": value.major, "minor": value.minor, "build": value.build, "revision": value.revision}


def pairs_of(value: typing.Optional[TargetInfo]) -> typing.Optional[typing.List[Json]]:
    """The library keeps a dictionary, which has the end mark as an entry."""
    if value is None:
        return None
    return [{"id": int(number), **content_of(content)} for number, content in value.items()]


def content_of(content: typing.Any) -> Json:
    if isinstance(content, str):
        return {"text": content}
    if isinstance(content, int):
        return {"value": struct.pack("<I", content).hex()}
    if isinstance(content, (FileTime, SingleHost)):
        return {"value": content.pack().hex()}
    return {"value": content.hex()}


def fields_of_negotiate(message: Negotiate) -> Json:
    return {
        "flags": flag_word(message.flags),
        "domain": message.domain_name,
        "workstation": message.workstation,
        "version": version_of(message.version),
    }


def fields_of_challenge(message: Challenge) -> Json:
    return {
        "flags": flag_word(message.flags),
        "server_challenge": message.server_challenge.hex(),
        # The name is always there, and the library shows an empty one as None.
        "target_name": message.target_name or "",
        "target_info": pairs_of(message.target_info),
        "version": version_of(message.version),
    }


def fields_of_authenticate(message: Authenticate) -> Json:
    # Here, too, None stands for what is empty.
    return {
        "flags": flag_word(message.flags),
        "domain": message.domain_name or "",
        "user": message.user_name or "",
        "workstation": message.workstation or "",
        "lm_response": (message.lm_challenge_response or b"").hex(),
        "nt_response": (message.nt_challenge_response or b"").hex(),
        "encrypted_session_key": (message.encrypted_random_session_key or b"").hex(),
        "version": version_of(message.version),
        "mic": message.mic.hex() if message.mic else None,
    }


def unpack(kind: typing.Type[NTLMMessage], token: bytes) -> NTLMMessage:
    """The caller has to know the character set; it is in the flags."""
    message = kind.unpack(token)
    if kind is not Negotiate and message.flags & NegotiateFlags.unicode:
        message = kind.unpack(token, encoding="utf-16-le")
    return message


DECODE: typing.Dict[str, typing.Callable[[bytes], Json]] = {
    "negotiate": lambda token: fields_of_negotiate(unpack(Negotiate, token)),
    "challenge": lambda token: fields_of_challenge(unpack(Challenge, token)),
    "authenticate": lambda token: fields_of_authenticate(unpack(Authenticate, token)),
    "av_pair": lambda token: {"pairs": pairs_of(TargetInfo.unpack(token))},
}

# How inputs that are no bytes are handed to the library.
INPUTS: typing.Dict[str, typing.Callable[[str], typing.Any]] = {
    **dict.fromkeys(("password", "user", "domain"), str),
    "flags": lambda word: int(word, 16),
    "side": {"initiator": "initiate", "acceptor": "accept"}.__getitem__,
}
Responses = typing.Tuple[bytes, bytes, bytes]


def response_v1(given: Json, flags: int, nt: bytes = ZEROS, lm: bytes = ZEROS) -> Responses:
    server, client = given.get("server_challenge", NONE), given.get("client_challenge", NONE)
    return crypto.compute_response_v1(flags, nt, lm, server, client, no_lm_response=False)


def response_ess(given: Json) -> Responses:
    return response_v1(given, NegotiateFlags.extended_session_security, nt=given.get("ntowf_v1", ZEROS))


def response_v2(given: Json) -> Responses:
    """The library makes the client challenge itself, from its parts."""
    parts = NTClientChallengeV2.unpack(given["client_challenge_v2"])
    responses = crypto.compute_response_v2(
        given["ntowf_v2"],
        given["server_challenge"],
        parts.challenge_from_client,
        parts.time_stamp,
        parts.av_pairs,
    )
    if responses[0][16:] != given["client_challenge_v2"]:
        raise Unsupported("derive:client-challenge-of-another-maker")
    return responses


def client_challenge(given: Json) -> bytes:
    time, pairs = FileTime.unpack(given["timestamp"]), TargetInfo.unpack(given["av_pairs"])
    return crypto.compute_response_v2(ZEROS, NONE, given["client_challenge"], time, pairs)[0][16:]


def lm_response_v2(given: Json) -> bytes:
    challenges = given["server_challenge"], given["client_challenge"]
    return crypto.compute_response_v2(given["ntowf_v2"], *challenges, FileTime.now(), TargetInfo())[1]


def ntowf_v2(given: Json) -> bytes:
    return crypto.ntowfv2(given["user"], crypto.ntowfv1(given["password"]), given["domain"])


def key_exchange_key(given: Json) -> bytes:
    names = ("flags", "session_base_key", "lmowf_v1", "lm_response", "server_challenge")
    return crypto.kxkey(*(given[name] for name in names))


def direction(given: Json) -> typing.Tuple[int, bytes, str]:
    return given["flags"], given["exported_session_key"], given["side"]


def binding_hash(given: Json) -> bytes:
    return crypto.md5(GssChannelBindings(application_data=given["application_data"]).pack())


DERIVE: typing.Dict[str, typing.Callable[[Json], bytes]] = {
    "ntowf-v1": lambda given: crypto.ntowfv1(given["password"]),
    "lmowf-v1": lambda given: crypto.lmowfv1(given["password"]),
    "ntowf-v2": ntowf_v2,
    "lmowf-v2": ntowf_v2,
    "nt-response-v1": lambda given: response_v1(given, 0, nt=given["ntowf_v1"])[0],
    "lm-response-v1": lambda given: response_v1(given, 0, lm=given["lmowf_v1"])[1],
    "session-base-key-v1": lambda given: response_v1(given, 0, nt=given["ntowf_v1"])[2],
    "nt-response-ess": lambda given: response_ess(given)[0],
    "lm-response-ess": lambda given: response_ess(given)[1],
    "nt-proof": lambda given: response_v2(given)[0][:16],
    "nt-response-v2": lambda given: response_v2(given)[0],
    "lm-response-v2": lm_response_v2,
    "client-challenge-v2": client_challenge,
    "key-exchange-key": key_exchange_key,
    "encrypted-session-key": lambda given: crypto.rc4k(given["key_exchange_key"], given["exported_session_key"]),
    "signing-key": lambda given: crypto.signkey(*direction(given)),
    "sealing-key": lambda given: crypto.sealkey(*direction(given)),
    "channel-binding-hash": binding_hash,
}

# The entries of `drives`, by role.
LISTS = {
    "initiator": {"decode": ["challenge", "av_pair"], "derive": sorted(DERIVE)},
    "acceptor": {"decode": ["negotiate", "authenticate", "av_pair"], "derive": sorted(DERIVE)},
}


class Codec(Adapter):
    def decode(self, request: Json) -> Json:
        token = request["token"]
        if request["package"] != "ntlm" or token not in DECODE:
            raise Unsupported(f"decode:{token}")
        content = bytes.fromhex(request["bytes"])
        with library():
            fields = DECODE[token](content)
        return {**returned(), "values": fields}

    def derive(self, request: Json) -> Json:
        function = request["function"]
        if request["package"] != "ntlm" or function not in DERIVE:
            raise Unsupported(f"derive:{function}")
        given = {name: INPUTS.get(name, bytes.fromhex)(value) for name, value in request["values"].items()}
        try:
            with library():
                value = DERIVE[function](given)
        except Raised as raised:
            if isinstance(raised.__cause__, Unsupported):
                raise raised.__cause__
            raise
        return {**returned(), "values": {"value": value.hex()}}
