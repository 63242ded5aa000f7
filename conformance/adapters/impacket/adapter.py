"""Speaks the Legwork adapter protocol for the initiator of impacket: the modules `ntlm` and `spnego`.

The modules have functions, and structures that go from one to the next, but no context: what is not a leg of these
functions (a call after the last, one after a failure) is `unsupported`, for its order is the caller's. Negotiate is put
together of them as the library's own clients do it.
"""

import hashlib
import importlib.metadata
import inspect
import pathlib
import random
import struct
import sys
import typing

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "sdk" / "python"))

import keys
from impacket import ntlm, spnego
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

# Replay and sequence detection, confidentiality, integrity: the library has one switch for all of them.
PROTECTION = 0x00000004 | 0x00000008 | 0x00000010 | 0x00010000
NULL_SESSION = 0x00040000
# Versions before 0.13 have no cipher, and neither channel bindings, nor service, nor version as arguments.
SPNEGOCipher = getattr(spnego, "SPNEGOCipher", None)
ARGUMENTS = frozenset(inspect.signature(ntlm.getNTLMSSPType3).parameters)
NTLM = spnego.TypesMech["NTLMSSP - Microsoft NTLM Security Support Provider"]
# LmCompatibilityLevel to `use_ntlmv2`. Version one always sends both responses, so there is no level 2.
VERSION_TWO = {0: False, 1: False, 3: True, 4: True, 5: True}

SILENT = {"status": {"namespace": "return", "code": "silent"}}


class Context:
    """What goes from one call to the next."""

    def __init__(self, negotiate: ntlm.NTLMAuthNegotiate, arguments: Json, protects: bool) -> None:
        self.negotiate, self.arguments, self.protects = negotiate, arguments, protects
        self.calls = 0
        self.session_key: typing.Optional[bytes] = None
        self.cipher: typing.Any = None


def product_version() -> ntlm.VERSION:
    """The version that the library's own LDAP client says."""
    version = ntlm.VERSION()
    version["ProductMajorVersion"], version["ProductMinorVersion"], version["ProductBuild"] = 10, 0, 19041
    return version


def bindings_argument(application_data: typing.Optional[str]) -> Json:
    """The argument in its only form: MD5 over gss_channel_bindings_struct (RFC 2744 section 3.11) without addresses."""
    if application_data is None:
        return {}
    if "channel_binding_value" not in ARGUMENTS:
        raise Unsupported("bindings")
    data = bytes.fromhex(application_data)
    return {"channel_binding_value": hashlib.md5(bytes(16) + struct.pack("<L", len(data)) + data).digest()}


def credential_arguments(identity: Json, null_session: bool) -> Json:
    """Who logs on. Nobody in particular has an empty name and an empty password."""
    if null_session:
        return {"user": "", "password": "", "domain": ""}
    if identity.get("user") is None:
        raise Unsupported("identity:user-absent")
    names = {"user": text_of(identity["user"]), "domain": text_of(identity.get("domain")) or ""}
    return {**names, "password": text_of(identity.get("password"))}


def service_argument(target: typing.Optional[str]) -> Json:
    """The service class: the host has no argument."""
    if target is None:
        return {}
    service, slash, host = target.partition("/")
    if not (service and slash and host):
        raise Unsupported("target:not-service/host")
    return {"service": service} if "service" in ARGUMENTS else {}


# The flags that the caller's own NEGOTIATE can leave out, and what else the module's functions are told.
HONOURS = [
    *("bindings", "identity:absent", "target:absent"),
    *(f"policy:lm-compatibility-level:{level}" for level in (0, 1, 3, 4, 5)),
    *(f"policy:offer:{flag}" for flag in ("extended-sessionsecurity", "key-exch", "negotiate-128", "negotiate-56")),
    *("policy:send-mic", "policy:send-names", "policy:send-version"),
]


def first_token(negotiate: bytes) -> bytes:
    """What begins a negotiation: NTLM alone, and its message."""
    token = spnego.SPNEGO_NegTokenInit()
    token["MechTypes"], token["MechToken"] = [NTLM], negotiate
    return token.getData()


def further_token(authenticate: bytes, cipher: typing.Any) -> bytes:
    """What goes on with it. With a cipher there is a code over the list, as from the client of LDAP, which alone makes one."""
    token = spnego.SPNEGO_NegTokenResp()
    token["ResponseToken"] = authenticate
    if cipher is not None:
        identifier = bytes([spnego.ASN1_OID]) + spnego.asn1encode(NTLM)
        mechanisms = bytes([spnego.ASN1_SEQUENCE]) + spnego.asn1encode(identifier)
        token["mechListMIC"] = cipher.sign(mechanisms, 0, reset_cipher=True).getData()
    return token.getData()


class Impacket(Adapter):
    name = "impacket"
    version = importlib.metadata.version("impacket")
    drives = [
        {
            "package": package,
            "role": "initiator",
            "operations": [
                *("acquire", "free-credential", "initialize", "delete", "query"),
                *((*sign, "seal", "unseal") if SPNEGOCipher else ()),
            ],
            "observables": ["token", "status", "session-key", *(["per-message"] if SPNEGOCipher else [])],
            "forms": ["detached", "whole"][-len(sign) - 1 :] if SPNEGOCipher else [],
            "requirements": PROTECTION | NULL_SESSION,
            "honours": [*HONOURS, *more],
            "derive": sorted(keys.FUNCTIONS) if package == "ntlm" else [],
        }
        for package, sign, more in (("ntlm", ["sign"], []), ("negotiate", [], ["leg"]))
    ]

    def configure(self, environment: Json, policy: Json, faults: typing.List[str]) -> None:
        """Challenges and keys come from the module `random`, which is seeded anew, from the system."""
        random.seed()
        self.host = environment["host"]
        self.offer = 0xFFFFFFFF
        # Text goes in Unicode whatever is agreed on.
        if policy.get("offer", 0) & ntlm.NTLMSSP_NEGOTIATE_UNICODE:
            self.offer = policy.pop("offer")
        level = policy.get("lm-compatibility-level")
        self.version_two = VERSION_TWO.get(level, ntlm.USE_NTLMv2)
        if level in VERSION_TWO:
            del policy["lm-compatibility-level"]
        if level == 0:
            self.offer &= ~ntlm.NTLMSSP_NEGOTIATE_EXTENDED_SESSIONSECURITY
        # Room for the MIC comes and goes with the version.
        wanted = [policy.pop("send-version", True), policy.pop("send-mic", True), "version" in ARGUMENTS]
        self.version_argument = {"version": product_version()} if all(wanted) else {}
        self.names = policy.pop("send-names", False)

    def acquire(self, request: Json) -> Json:
        """Keeps the identity: the functions take credentials as arguments."""
        if request["package"] not in ("ntlm", "negotiate"):
            raise Unsupported(f"package:{request['package']}")
        if request["role"] != "initiator":
            raise Unsupported(f"role:{request['role']}")
        self.credentials[request["credential"]] = request["package"], request.get("identity") or {}
        return returned()

    def initialize(self, request: Json) -> Json:
        package, _ = self.credentials.find(request.get("credential"))
        context = self.context_of(request, self.start)
        legs = [self.first_leg, self.second_leg, *([self.last_leg] if package == "negotiate" else [])]
        if context.calls >= len(legs):
            raise Unsupported("initialize:after-the-last-leg")
        leg = legs[context.calls]
        context.calls = len(legs)
        outcome = leg(context, request, package == "negotiate")
        context.calls = legs.index(leg) + 1
        return outcome

    def start(self, request: Json, credential: typing.Tuple[str, Json]) -> Context:
        package, identity = credential
        # What an acceptor has is in the first answer of SMB, whose client keeps it unread.
        if token_in(request) and package == "ntlm":
            raise Unsupported("input:first-leg")
        requirements, computer = request["requirements"], self.host["netbios-computer"]
        arguments = {
            **credential_arguments(identity, bool(requirements & NULL_SESSION)),
            **service_argument(text_of(request.get("target"))),
        }
        protects = bool(requirements & PROTECTION)
        with library():
            negotiate = ntlm.getNTLMSSPType1(
                computer, signingRequired=protects, use_ntlmv2=self.version_two, **self.version_argument
            )
            negotiate["flags"] &= self.offer
            if self.names:
                negotiate["host_name"] = computer.encode("ascii")
                negotiate["domain_name"] = self.host["netbios-domain"].encode("ascii")
        return Context(negotiate, arguments, protects)

    @staticmethod
    def first_leg(context: Context, _: Json, wrapped: bool) -> Json:
        with library():
            token = context.negotiate.getData()
            token = first_token(token) if wrapped else token
        return {**returned(complete=False), **token_out(token)}

    def second_leg(self, context: Context, request: Json, wrapped: bool) -> Json:
        challenge, bindings = token_in(request), bindings_argument(request.get("bindings"))
        with library():
            if wrapped:
                challenge = spnego.SPNEGO_NegTokenResp(challenge)["ResponseToken"]
            answer, context.session_key = ntlm.getNTLMSSPType3(
                context.negotiate,
                challenge,
                use_ntlmv2=self.version_two,
                **bindings,
                **self.version_argument,
                **context.arguments,
            )
            if self.version_argument:
                self.add_mic(context, challenge, answer)
            if SPNEGOCipher:
                # The client of LDAP takes what it offered for what was agreed on.
                flags = (context.negotiate if wrapped else answer)["flags"]
                context.cipher = SPNEGOCipher(flags, context.session_key)
            token = answer.getData()
            if wrapped:
                coded = context.protects and self.version_argument
                token = further_token(token, context.cipher if coded else None)
        return {**(SILENT if wrapped else returned()), **token_out(token)}

    @staticmethod
    def last_leg(_: Context, __: Json, ___: bool) -> Json:
        """The acceptor's last token comes with the answer of SMB or LDAP, whose clients leave it unread."""
        return SILENT

    @staticmethod
    def add_mic(context: Context, challenge: typing.Optional[bytes], answer: ntlm.NTLMAuthChallengeResponse) -> None:
        """The MIC as the library's own TDS client makes it: no function does, and the structure has the field."""
        answer["MIC"] = bytes(16)
        messages = [context.negotiate, ntlm.NTLMAuthChallenge(challenge), answer]
        answer["MIC"] = ntlm.hmac_md5(context.session_key, b"".join(message.getData() for message in messages))

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
        if attribute != "session-key" or context.session_key is None:
            raise Unsupported(f"query:{attribute}")
        return {**returned(), "values": {"session-key": context.session_key.hex()}}

    def cipher_of(self, request: Json, form: str) -> typing.Any:
        """The library's cipher, which is there once the second leg was called."""
        if request["form"] != form or request.get("quality"):
            raise Unsupported(f"{request['op']}:{request['form']}")
        cipher = self.contexts.find(request["context"]).cipher
        if cipher is None:
            raise Unsupported(f"{request['op']}:before-the-second-leg")
        return cipher

    def sign(self, request: Json) -> Json:
        """The caller numbers what it signs; the cipher numbers what it seals."""
        cipher, data = self.cipher_of(request, "detached"), first(request["buffers"], DATA) or b""
        with library():
            signature = cipher.sign(data, request["sequence"]).getData()
        return {**returned(), "buffers": [buffer(DATA, data), buffer(TOKEN, signature)]}

    def seal(self, request: Json) -> Json:
        cipher, data = self.cipher_of(request, "whole"), first(request["buffers"], DATA) or b""
        with library():
            signature, sealed = cipher.encrypt(data)
            whole = signature.getData() + sealed
        return {**returned(), "buffers": [buffer(DATA, whole)]}

    def unseal(self, request: Json) -> Json:
        cipher, whole = self.cipher_of(request, "whole"), first(request["buffers"], DATA) or b""
        with library():
            _, data = cipher.decrypt(whole)
        return {**returned(), "buffers": [buffer(DATA, data)]}


if __name__ == "__main__":
    run(Impacket())
