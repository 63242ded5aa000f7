"""Speaks the Legwork adapter protocol for pyspnego's own providers, NTLM and Negotiate, both roles.

Calls are translated, results are passed on: a return is the status `continue` or `complete`, an
exception is reported with its class, whatever that class is.
"""

import importlib.metadata
import os
import pathlib
import signal
import sys
import tempfile
import typing

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "sdk" / "python"))

import spnego
from codec import LISTS, Codec
from legwork_adapter import (
    DATA,
    TOKEN,
    Json,
    Unsupported,
    buffer,
    first,
    library,
    readable,
    returned,
    run,
    text_from,
    text_of,
    token_in,
    token_out,
)
from spnego._ntlm_raw.crypto import lmowfv1, ntowfv1
from spnego.channel_bindings import GssChannelBindings
from spnego.exceptions import SpnegoError
from spnego.iov import BufferType

TOKEN_SIZE = 16
# The library's own providers, and what is asked of them here. That of Negotiate takes NTLM from the library as well,
# and refuses `wrapping_iov` where no GSSAPI could do it.
OWN_NTLM = spnego.NegotiateOptions.use_ntlm | spnego.NegotiateOptions.session_key
OPTIONS = {
    "ntlm": OWN_NTLM | spnego.NegotiateOptions.wrapping_iov,
    "negotiate": OWN_NTLM | spnego.NegotiateOptions.use_negotiate,
}
FORMS = {"ntlm": ["whole", "detached", "buffers"], "negotiate": ["whole", "detached"]}
# Names of packages, by the library's.
PACKAGE_NAMES = {"ntlm": "NTLM", "kerberos": "Kerberos"}
# Kind and attributes of a SecBuffer, by the names that the library documents for them.
IOV_TYPES = {
    (DATA, 0x00000000): BufferType.data,
    (DATA, 0x10000000): BufferType.sign_only,
    (DATA, 0x80000000): BufferType.data_readonly,
    (TOKEN, 0x00000000): BufferType.header,
}

# Package and identity.
Credential = typing.Tuple[str, Json]

COMMON_REQUIREMENTS = {
    0x00000001: spnego.ContextReq.delegate,
    0x00000002: spnego.ContextReq.mutual_auth,
    0x00000004: spnego.ContextReq.replay_detect,
    0x00000008: spnego.ContextReq.sequence_detect,
    0x00000010: spnego.ContextReq.confidentiality,
    0x00000200: spnego.ContextReq.dce_style,
}
# The bits that have different numbers on the two sides.
REQUIREMENTS = {
    "initiator": {
        **COMMON_REQUIREMENTS,
        0x00010000: spnego.ContextReq.integrity,
        0x00020000: spnego.ContextReq.identify,
        0x00800000: spnego.ContextReq.no_integrity,
    },
    "acceptor": {
        **COMMON_REQUIREMENTS,
        0x00020000: spnego.ContextReq.integrity,
        0x00080000: spnego.ContextReq.identify,
    },
}


def drive(package: str, role: str, leg: str, *observables: str) -> Json:
    return {
        "package": package,
        "role": role,
        "operations": ["acquire", "free-credential", leg, *"delete query sign verify seal unseal".split()],
        "observables": [
            *"token status attributes session-key per-message".split(),
            *(["buffer-attributes"] if "buffers" in FORMS[package] else []),
            *observables,
        ],
        "forms": FORMS[package],
        "requirements": sum(REQUIREMENTS[role]),
        "honours": [
            *("bindings", "character-set:oem", "leg", "policy:lm-compatibility-level", "query:flags"),
            *(("identity:absent", "target:absent") if role == "initiator" else ()),
        ],
        **(LISTS[role] if package == "ntlm" else {}),
    }


def requirements_of(role: str, bits: int) -> spnego.ContextReq:
    request = spnego.ContextReq.none
    for bit, name in REQUIREMENTS[role].items():
        if bits & bit:
            request |= name
    return request


def principal(identity: Json) -> typing.Optional[str]:
    """The user name in the library's form, `DOMAIN\\user`."""
    user, domain = text_of(identity.get("user")), text_of(identity.get("domain"))
    if user is None and domain is not None:
        raise Unsupported("identity:domain-without-user")
    return user if domain is None else f"{domain}\\{user}"


def target_arguments(target: typing.Optional[str]) -> Json:
    """The service principal name in two parts; an absent target leaves the defaults alone."""
    if target is None:
        return {}
    service, slash, hostname = target.partition("/")
    if not (service and slash and hostname):
        raise Unsupported("target:not-service/host")
    return {"service": service, "hostname": hostname}


def bindings_of(application_data: typing.Optional[str]) -> typing.Optional[GssChannelBindings]:
    if application_data is None:
        return None
    return GssChannelBindings(application_data=bytes.fromhex(application_data))


def account_line(account: Json) -> str:
    """One line of the credential store: with the password, or with its hashes if it would not be one field of a line."""
    domain, user, password = (text_of(account[name]) or "" for name in ("domain", "user", "password"))
    lines = [f"{domain}:{user}:{password}"]
    if readable(password) == password:
        hashes = f"{lmowfv1(password).hex()}:{ntowfv1(password).hex()}"
        lines.append(f"{domain}\\{user}:0:{hashes}:[U]:LCT-0")
    for line, separators in zip(lines, (2, 5)):
        if line.count(":") == separators and line.splitlines() == [line] and readable(line) == line:
            return line
    raise Unsupported("account:not-expressible-in-NTLM_USER_FILE")


class Pyspnego(Codec):
    name = "pyspnego"
    version = importlib.metadata.version("pyspnego")
    drives = [
        drive(package, role, *rest)
        for package in OPTIONS
        for role, *rest in (("initiator", "initialize"), ("acceptor", "accept", "peer-name"))
    ]

    def __init__(self, folder: pathlib.Path) -> None:
        super().__init__()
        self.store = folder / "accounts"

    def configure(self, environment: Json, policy: Json, faults: typing.List[str]) -> None:
        """The accounts become the credential store, the computer name an environment variable."""
        lines = [account_line(account) for account in environment.get("accounts", [])]
        self.store.write_bytes("".join(line + "\n" for line in lines).encode("utf-8"))
        os.environ["NTLM_USER_FILE"] = str(self.store)
        os.environ["NETBIOS_COMPUTER_NAME"] = environment["host"]["netbios-computer"]
        os.environ.pop("LM_COMPAT_LEVEL", None)
        if "lm-compatibility-level" in policy:
            os.environ["LM_COMPAT_LEVEL"] = str(policy.pop("lm-compatibility-level"))

    def error_status(self, error: BaseException) -> Json:
        """The class, and the native number if the library gives one."""
        outcome = super().error_status(error)
        if isinstance(error, SpnegoError):
            outcome["status"]["minor"] = f"{error.nt_status & 0xFFFFFFFF:#010x}"
        return outcome

    def acquire(self, request: Json) -> Json:
        """Keeps the identity: the library takes credentials when a context is made."""
        if request["package"] not in OPTIONS:
            raise Unsupported(f"package:{request['package']}")
        if request["role"] == "acceptor" and request.get("identity"):
            raise Unsupported("identity:acceptor")
        self.credentials[request["credential"]] = request["package"], request.get("identity") or {}
        return returned()

    def initialize(self, request: Json) -> Json:
        return self.leg(request, self.client)

    def accept(self, request: Json) -> Json:
        return self.leg(request, self.server)

    def leg(self, request: Json, start: typing.Callable[[Json, Credential], spnego.ContextProxy]) -> Json:
        context = self.context_of(request, start)
        bindings = bindings_of(request.get("bindings"))
        with library():
            token = context.step(token_in(request), channel_bindings=bindings)
            outcome = returned(context.complete)
            outcome["attributes"] = {"namespace": "gss", "bits": int(context.context_attr)}
        return {**outcome, **token_out(token)}

    @staticmethod
    def client(request: Json, credential: Credential) -> spnego.ContextProxy:
        package, identity = credential
        user, password = principal(identity), text_of(identity.get("password"))
        target = target_arguments(text_of(request.get("target")))
        requirements = requirements_of("initiator", request["requirements"])
        with library():
            return spnego.client(
                user,
                password,
                **target,
                context_req=requirements,
                protocol=package,
                options=OPTIONS[package],
            )

    @staticmethod
    def server(request: Json, credential: Credential) -> spnego.ContextProxy:
        package, _ = credential
        requirements = requirements_of("acceptor", request["requirements"])
        with library():
            return spnego.server(
                context_req=requirements,
                protocol=package,
                options=OPTIONS[package],
            )

    def query(self, request: Json) -> Json:
        context, attribute = self.contexts.find(request["context"]), request["attribute"]
        values: Json = {}
        with library():
            if attribute == "session-key":
                values["session-key"] = context.session_key.hex()
            elif attribute == "names" and context.client_principal is not None:
                values["user"] = text_from(context.client_principal)
            elif attribute == "sizes":
                values["security-trailer"] = context.query_message_sizes().header
            elif attribute == "flags":
                values["flags"] = f"{int(context.context_attr):#010x}"
            elif attribute in ("package-info", "negotiation-info") and context.negotiated_protocol is not None:
                # The library writes names in small letters; how far the negotiation has come does not show.
                values["package"] = PACKAGE_NAMES.get(context.negotiated_protocol, context.negotiated_protocol)
        if not values:
            raise Unsupported(f"query:{attribute}")
        return {**returned(), "values": values}

    def sign(self, request: Json) -> Json:
        context, data, _ = self.message(request, "detached")
        with library():
            token = context.sign(data, qop=request.get("quality") or None)
        return {**returned(), "buffers": [buffer(DATA, data), buffer(TOKEN, token)]}

    def verify(self, request: Json) -> Json:
        context, data, token = self.message(request, "detached")
        with library():
            context.verify(data, token)
        return returned()

    def seal(self, request: Json) -> Json:
        if request["form"] == "buffers":
            return self.seal_list(request)
        context, data, _ = self.message(request, "whole")
        with library():
            whole = context.wrap(data, encrypt=True, qop=request.get("quality") or None).data
        return {**returned(), "buffers": [buffer(DATA, whole)]}

    def unseal(self, request: Json) -> Json:
        if request["form"] == "buffers":
            return self.unseal_list(request)
        context, whole, _ = self.message(request, "whole")
        with library():
            data = context.unwrap(whole).data
        return {**returned(), "buffers": [buffer(DATA, data)]}

    def message(self, request: Json, form: str) -> typing.Tuple[spnego.ContextProxy, bytes, bytes]:
        """Context, data and token of a per-message call that has only this form."""
        context = self.contexts.find(request["context"])
        if request["form"] != form:
            raise Unsupported(f"{request['op']}:{request['form']}")
        return context, first(request["buffers"], DATA) or b"", first(request["buffers"], TOKEN) or b""

    def list_of(self, request: Json) -> typing.Tuple[spnego.ContextProxy, typing.List[Json]]:
        """Context and buffers of a per-message call on a list."""
        context = self.contexts.find(request["context"])
        if not context.options & spnego.NegotiateOptions.wrapping_iov:
            raise Unsupported(f"{request['op']}:buffers")
        return context, request["buffers"]

    def seal_list(self, request: Json) -> Json:
        """A list of buffers; the library allocates the signature, and has no way to be given less room."""
        context, buffers = self.list_of(request)
        iov: typing.List[typing.Any] = iov_of(buffers)
        for place, entry in enumerate(buffers):
            if iov[place][0] is BufferType.header:
                if entry.get("capacity", TOKEN_SIZE) < TOKEN_SIZE:
                    raise Unsupported("token-capacity")
                iov[place] = (BufferType.header, True)
        with library():
            made = context.wrap_iov(iov, encrypt=True, qop=request.get("quality") or None).buffers
        return {**returned(), "buffers": left_in(buffers, made)}

    def unseal_list(self, request: Json) -> Json:
        context, buffers = self.list_of(request)
        iov = iov_of(buffers)
        with library():
            made = context.unwrap_iov(iov).buffers
        return {**returned(), "buffers": left_in(buffers, made)}


def iov_of(buffers: typing.List[Json]) -> typing.List[typing.Tuple[BufferType, bytes]]:
    kinds = [IOV_TYPES.get((entry["kind"], entry.get("attributes", 0))) for entry in buffers]
    if None in kinds:
        raise Unsupported("buffer-kind")
    return [(kind, bytes.fromhex(entry.get("bytes", ""))) for kind, entry in zip(kinds, buffers)]


def left_in(buffers: typing.List[Json], made: typing.Sequence[typing.Any]) -> typing.List[Json]:
    """The list as the library left it."""
    return [{**old, "bytes": (new.data or b"").hex()} for old, new in zip(buffers, made)]


if __name__ == "__main__":
    # A terminated adapter leaves no account file behind either.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    with tempfile.TemporaryDirectory(prefix="legwork-pyspnego-") as folder:
        run(Pyspnego(pathlib.Path(folder)))
