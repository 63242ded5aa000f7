"""The key functions of ntlm-auth by themselves, under the names of the protocol (MS-NLMP 3.3.1, 3.3.2 and 3.4.5)."""

import functools
import typing

from legwork_adapter import Json
from ntlm_auth import compute_hash, compute_keys
from ntlm_auth.compute_response import ComputeResponse
from ntlm_auth.constants import SignSealConstants

Call = typing.Callable[[], bytes]

SIGNING = {"initiator": SignSealConstants.CLIENT_SIGNING, "acceptor": SignSealConstants.SERVER_SIGNING}
SEALING = {"initiator": SignSealConstants.CLIENT_SEALING, "acceptor": SignSealConstants.SERVER_SEALING}


def octets(values: Json, *names: str) -> typing.List[bytes]:
    return [bytes.fromhex(values[name]) for name in names]


def of_texts(function: typing.Callable[..., bytes], *names: str) -> typing.Callable[[Json], Call]:
    return lambda values: functools.partial(function, *(values[name] for name in names))


def of_octets(function: typing.Callable[..., bytes], *names: str) -> typing.Callable[[Json], Call]:
    return lambda values: functools.partial(function, *octets(values, *names))


def key_exchange_key(values: Json) -> Call:
    inputs = octets(values, "session_base_key", "server_challenge", "lm_response", "lmowf_v1")
    return functools.partial(compute_keys._get_exchange_key_ntlm_v1, int(values["flags"], 16), *inputs)


def signing_key(values: Json) -> Call:
    [key] = octets(values, "exported_session_key")
    return functools.partial(compute_keys.get_sign_key, key, SIGNING[values["side"]])


def sealing_key(values: Json) -> Call:
    [key] = octets(values, "exported_session_key")
    return functools.partial(compute_keys.get_seal_key, int(values["flags"], 16), key, SEALING[values["side"]])


# What makes a call of the library, ready to be made, of the values of a request.
FUNCTIONS: typing.Dict[str, typing.Callable[[Json], Call]] = {
    "ntowf-v1": of_texts(compute_hash._ntowfv1, "password"),
    "lmowf-v1": of_texts(compute_hash._lmowfv1, "password"),
    "ntowf-v2": of_texts(compute_hash._ntowfv2, "user", "password", "domain"),
    "nt-response-v1": of_octets(ComputeResponse._calc_resp, "ntowf_v1", "server_challenge"),
    "lm-response-v1": of_octets(ComputeResponse._calc_resp, "lmowf_v1", "server_challenge"),
    "lm-response-ess": of_octets(
        ComputeResponse._get_LMv1_with_session_security_response, "client_challenge"
    ),
    "key-exchange-key": key_exchange_key,
    "key-exchange-key-v2": of_octets(compute_keys._get_exchange_key_ntlm_v2, "session_base_key"),
    "signing-key": signing_key,
    "sealing-key": sealing_key,
}
