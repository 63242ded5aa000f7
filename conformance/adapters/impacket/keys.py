"""The key functions of impacket's module `ntlm` by themselves, under the names of the protocol (MS-NLMP 3.3 and 3.4.5)."""

import functools
import typing

from impacket import ntlm
from legwork_adapter import Json

Call = typing.Callable[[], bytes]

# The library's words for who sends.
SIDES = {"initiator": "Client", "acceptor": "Server"}


def octets(values: Json, *names: str) -> typing.List[bytes]:
    return [bytes.fromhex(values[name]) for name in names]


def of_texts(function: typing.Callable[..., bytes], *names: str) -> typing.Callable[[Json], Call]:
    return lambda values: functools.partial(function, *(values[name] for name in names))


def of_octets(function: typing.Callable[..., bytes], *names: str) -> typing.Callable[[Json], Call]:
    return lambda values: functools.partial(function, *octets(values, *names))


def of_side(function: typing.Callable[..., bytes]) -> typing.Callable[[Json], Call]:
    return lambda values: functools.partial(
        function, int(values["flags"], 16), *octets(values, "exported_session_key"), SIDES[values["side"]]
    )


def key_exchange_key(values: Json) -> Call:
    *before, lmowf = octets(values, "session_base_key", "lm_response", "server_challenge", "lmowf_v1")
    return functools.partial(ntlm.KXKEY, int(values["flags"], 16), *before, "", lmowf, "", use_ntlmv2=False)


def key_exchange_key_v2(values: Json) -> Call:
    [base] = octets(values, "session_base_key")
    return functools.partial(ntlm.KXKEY, 0, base, b"", b"", "", "", "", use_ntlmv2=True)


def session_base_key_v1(values: Json) -> Call:
    return functools.partial(ntlm.generateSessionKeyV1, "", "", *octets(values, "ntowf_v1"))


# What makes a call of the library, ready to be made, of the values of a request.
FUNCTIONS: typing.Dict[str, typing.Callable[[Json], Call]] = {
    "ntowf-v1": of_texts(ntlm.NTOWFv1, "password"),
    "lmowf-v1": of_texts(ntlm.LMOWFv1, "password"),
    "ntowf-v2": of_texts(ntlm.NTOWFv2, "user", "password", "domain"),
    "lmowf-v2": of_texts(ntlm.LMOWFv2, "user", "password", "domain"),
    "nt-response-v1": of_octets(ntlm.get_ntlmv1_response, "ntowf_v1", "server_challenge"),
    "lm-response-v1": of_octets(ntlm.get_ntlmv1_response, "lmowf_v1", "server_challenge"),
    "session-base-key-v1": session_base_key_v1,
    "key-exchange-key": key_exchange_key,
    "key-exchange-key-v2": key_exchange_key_v2,
    "encrypted-session-key": of_octets(
        ntlm.generateEncryptedSessionKey, "key_exchange_key", "exported_session_key"
    ),
    "signing-key": of_side(ntlm.SIGNKEY),
    "sealing-key": of_side(ntlm.SEALKEY),
}
