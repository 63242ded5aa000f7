"""Speaks the Legwork adapter protocol for ntlm-auth, which is an NTLM initiator: its class `NtlmContext`."""

import os
import pathlib
import sys
import typing

HERE = pathlib.Path(__file__).resolve().parent
# OpenSSL reads this once, when Python first loads it: before the library, and whatever else asks for a hash.
os.environ["OPENSSL_CONF"] = str(HERE / "openssl.cnf")
sys.path.insert(0, str(HERE.parents[1] / "sdk" / "python"))

import hashlib
import importlib.metadata

import keys
from legwork_adapter import (
    DATA,
    TOKEN,
    Adapter,
    Json,
    Unsupported,
    buffer,
    first,
    library,
    returned,
    run,
    text_of,
    token_in,
    token_out,
)
from ntlm_auth.constants import NegotiateFlags
from ntlm_auth.gss_channel_bindings import GssChannelBindingsStruct
from ntlm_auth.ntlm import NtlmContext

# ISC_REQ_* bits by the flags of a context, `negotiate_flags`, that ask for the same: MS-NLMP section 3.1.5.1.1.
REQUIREMENTS = {
    NegotiateFlags.NTLMSSP_NEGOTIATE_SIGN: 0x00000004 | 0x00000008 | 0x00010000,
    NegotiateFlags.NTLMSSP_NEGOTIATE_SEAL: 0x00000010,
}
# Versions before 1.5 do not sign without sealing.
METHODS = {"sign": "sign", "verify": "verify", "seal": "wrap", "unseal": "unwrap"}


def bindings_of(application_data: typing.Optional[str]) -> typing.Optional[GssChannelBindingsStruct]:
    if application_data is None:
        return None
    bindings = GssChannelBindingsStruct()
    bindings[bindings.APPLICATION_DATA] = bytes.fromhex(application_data)
    return bindings


# The flags that the caller can leave out, and what else the constructor and `step` are told.
HONOURS = [
    *("bindings", "character-set:oem", "leg", "policy:lm-compatibility-level", "target:absent"),
    *(f"policy:offer:{flag}" for flag in ("extended-sessionsecurity", "key-exch", "negotiate-128", "negotiate-56")),
    *("policy:send-names", "policy:send-version"),
]


class NtlmAuth(Adapter):
    name = "ntlm-auth"
    version = importlib.metadata.version("ntlm-auth")
    drives = [
        {
            "package": "ntlm",
            "role": "initiator",
            "operations": [
                *("acquire", "free-credential", "initialize", "delete", "query"),
                *(operation for operation, method in METHODS.items() if hasattr(NtlmContext, method)),
            ],
            "observables": ["token", "status", "session-key", "per-message"],
            "forms": ["detached", "whole"],
            "requirements": sum(REQUIREMENTS.values()),
            "honours": HONOURS,
            "derive": sorted(keys.FUNCTIONS),
        }
    ]

    def configure(self, environment: Json, policy: Json, faults: typing.List[str]) -> None:
        self.workstation = environment["host"]["netbios-computer"]
        self.level = policy.pop("lm-compatibility-level", 3)
        # The names always go into the first message.
        policy.pop("send-names", None)
        self.offer = 0xFFFFFFFF
        # Unicode is set whatever the caller offers.
        if policy.get("offer", 0) & NegotiateFlags.NTLMSSP_NEGOTIATE_UNICODE:
            self.offer = policy.pop("offer")
        if not policy.pop("send-version", True):
            self.offer &= ~NegotiateFlags.NTLMSSP_NEGOTIATE_VERSION

    def acquire(self, request: Json) -> Json:
        """Keeps the identity: the library takes credentials when a context is made."""
        if request["package"] != "ntlm":
            raise Unsupported(f"package:{request['package']}")
        if request["role"] != "initiator":
            raise Unsupported(f"role:{request['role']}")
        identity = request.get("identity") or {}
        for name in ("user", "password"):
            if identity.get(name) is None:
                raise Unsupported(f"identity:{name}-absent")
        self.credentials[request["credential"]] = {name: text_of(identity[name]) for name in identity}
        return returned()

    def initialize(self, request: Json) -> Json:
        context = self.context_of(request, self.start)
        with library():
            token = context.step(token_in(request))
        return {**returned(context.complete), **token_out(token)}

    def start(self, request: Json, identity: Json) -> NtlmContext:
        """The library has no argument for the target."""
        asked = [flag for flag, bits in REQUIREMENTS.items() if request["requirements"] & bits]
        with library():
            context = NtlmContext(
                identity["user"],
                identity["password"],
                identity.get("domain"),
                self.workstation,
                cbt_data=bindings_of(request.get("bindings")),
                ntlm_compatibility=self.level,
            )
            context.negotiate_flags &= self.offer & (~sum(REQUIREMENTS) | sum(asked))
        return context

    def derive(self, request: Json) -> Json:
        """A key function by itself."""
        if request["package"] != "ntlm" or request["function"] not in keys.FUNCTIONS:
            raise Unsupported(f"derive:{request['function']}")
        call = keys.FUNCTIONS[request["function"]](request["values"])
        with library():
            value = call()
        return {**returned(), "values": {"value": value.hex()}}

    def query(self, request: Json) -> Json:
        context, attribute = self.contexts.find(request["context"]), request["attribute"]
        with library():
            key = context.session_key
        if attribute != "session-key" or key is None:
            raise Unsupported(f"query:{attribute}")
        return {**returned(), "values": {"session-key": key.hex()}}

    def context_for(self, request: Json, form: str) -> NtlmContext:
        if request["form"] != form or request.get("quality"):
            raise Unsupported(f"{request['op']}:{request['form']}")
        return self.contexts.find(request["context"])

    def sign(self, request: Json) -> Json:
        context, data = self.context_for(request, "detached"), first(request["buffers"], DATA) or b""
        with library():
            signature = context.sign(data)
        return {**returned(), "buffers": [buffer(DATA, data), buffer(TOKEN, signature)]}

    def verify(self, request: Json) -> Json:
        context, data = self.context_for(request, "detached"), first(request["buffers"], DATA) or b""
        with library():
            context.verify(data, first(request["buffers"], TOKEN) or b"")
        return returned()

    def seal(self, request: Json) -> Json:
        context, data = self.context_for(request, "whole"), first(request["buffers"], DATA) or b""
        with library():
            whole = context.wrap(data)
        return {**returned(), "buffers": [buffer(DATA, whole)]}

    def unseal(self, request: Json) -> Json:
        context, whole = self.context_for(request, "whole"), first(request["buffers"], DATA) or b""
        with library():
            data = context.unwrap(whole)
        return {**returned(), "buffers": [buffer(DATA, data)]}


if __name__ == "__main__":
    # Without MD4 there is nothing to drive; better no adapter than one whose library fails everywhere.
    hashlib.new("md4")
    run(NtlmAuth())
