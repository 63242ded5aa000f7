"""Speaks the Legwork adapter protocol for pyspnego's own NTLM provider, both roles.

Calls are translated, results are passed on: a return is the status `continue` or `complete`, an
exception is reported with its class, whatever that class is.
"""

import contextlib
import json
import os
import pathlib
import signal
import sys
import tempfile
import typing

import spnego
from spnego.channel_bindings import GssChannelBindings
from spnego.exceptions import SpnegoError
from spnego.iov import BufferType

Json = typing.Dict[str, typing.Any]
Handler = typing.Callable[["Subject", Json], Json]

HELLO = pathlib.Path(__file__).with_name("hello.json")
DATA, TOKEN = 1, 2
TOKEN_SIZE = 16
# Kind and attributes of a SecBuffer, by the names that the library documents for them.
IOV_TYPES = {
    (DATA, 0x00000000): BufferType.data,
    (DATA, 0x10000000): BufferType.sign_only,
    (DATA, 0x80000000): BufferType.data_readonly,
    (TOKEN, 0x00000000): BufferType.header,
}

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


class Unsupported(Exception):
    """The library's interface has no way to express what was asked."""


class Raised(Exception):
    """The library raised; the cause is its exception."""


@contextlib.contextmanager
def library() -> typing.Iterator[None]:
    """Marks calls of the library: the adapter's own mistakes must not pass for the library's."""
    try:
        yield
    except Exception as error:
        raise Raised from error


def readable(text: str) -> str:
    """Text that any JSON reader takes."""
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def text_of(value: typing.Optional[Json]) -> typing.Optional[str]:
    """Text as the library takes it; unpaired surrogates survive."""
    if value is None:
        return None
    return bytes.fromhex(value["utf16"]).decode("utf-16-le", "surrogatepass")


def text_from(value: str) -> Json:
    return {"utf16": value.encode("utf-16-le", "surrogatepass").hex(), "text": readable(value)}


def first(buffers: typing.List[Json], kind: int) -> typing.Optional[bytes]:
    """The bytes of the first buffer of a kind; none if there is no such buffer."""
    for candidate in buffers:
        if candidate["kind"] == kind:
            return bytes.fromhex(candidate.get("bytes", ""))
    return None


def buffer(kind: int, content: bytes) -> Json:
    return {"kind": kind, "bytes": content.hex()}


def returned(complete: bool = True) -> Json:
    return {"status": {"namespace": "return", "code": "complete" if complete else "continue"}}


def raised(error: typing.Optional[BaseException]) -> Json:
    """The status of an exception: its class, and the native number if the library gives one."""
    kind = type(error)
    name = f"{kind.__module__}.{kind.__qualname__}"
    status = {"namespace": "exception", "code": name, "message": readable(str(error))}
    if isinstance(error, SpnegoError):
        status["minor"] = f"{error.nt_status & 0xFFFFFFFF:#010x}"
    return {"status": status}


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


def account_line(account: Json) -> str:
    """One line of the credential store, unless its format cannot hold the account."""
    parts = [text_of(account[name]) or "" for name in ("domain", "user", "password")]
    line = ":".join(parts)
    if line.count(":") != 2 or line.splitlines() != [line] or readable(line) != line:
        raise Unsupported("account:not-expressible-in-NTLM_USER_FILE")
    return line


class Subject:
    """The library under test, with everything the harness holds of it."""

    def __init__(self, folder: pathlib.Path) -> None:
        self.store = folder / "accounts"
        self.forget()

    def forget(self) -> None:
        self.credentials: typing.Dict[int, typing.Optional[Json]] = {}
        self.contexts: typing.Dict[int, typing.Optional[spnego.ContextProxy]] = {}

    def hello(self, _: Json) -> Json:
        declared: Json = json.loads(HELLO.read_text("utf-8"))
        for drive in declared["drives"]:
            drive["requirements"] = sum(REQUIREMENTS[drive["role"]])
        return {"hello": declared}

    def reset(self, request: Json) -> Json:
        """The accounts become the credential store, the computer name an environment variable."""
        self.forget()
        environment = request["environment"]
        policy = dict(environment.get("policy", {}))
        level = policy.pop("lm-compatibility-level", None)
        for name in policy:
            raise Unsupported(f"policy:{name}")
        for name in environment.get("faults", []):
            raise Unsupported(f"fault:{name}")
        lines = [account_line(account) for account in environment.get("accounts", [])]
        self.store.write_bytes("".join(line + "\n" for line in lines).encode("utf-8"))
        os.environ["NTLM_USER_FILE"] = str(self.store)
        os.environ.pop("LM_COMPAT_LEVEL", None)
        if level is not None:
            os.environ["LM_COMPAT_LEVEL"] = str(level)
        os.environ["NETBIOS_COMPUTER_NAME"] = environment["host"]["netbios-computer"]
        return {}

    def acquire(self, request: Json) -> Json:
        """Keeps the identity: the library takes credentials when a context is made."""
        if request["package"] != "ntlm":
            raise Unsupported(f"package:{request['package']}")
        if request["role"] == "acceptor" and request.get("identity"):
            raise Unsupported("identity:acceptor")
        self.credentials[request["credential"]] = request.get("identity") or {}
        return returned()

    def free_credential(self, request: Json) -> Json:
        self.find(self.credentials, request["credential"])
        self.credentials[request["credential"]] = None
        return returned()

    def delete(self, request: Json) -> Json:
        self.find(self.contexts, request["context"])
        self.contexts[request["context"]] = None
        return returned()

    def leg(self, request: Json) -> Json:
        """One step; the first one makes the context, with the requirements and the target."""
        role = "initiator" if request["op"] == "initialize" else "acceptor"
        if any(request.get("reserved", [])):
            raise Unsupported("reserved-arguments")
        identity = self.find(self.credentials, request.get("credential"))
        number = request.get("context")
        if number is None:
            self.contexts[request["new-context"]] = self.start(request, role, identity)
        context = self.find(self.contexts, request["new-context"] if number is None else number)
        bindings = None
        if request.get("bindings") is not None:
            bindings = GssChannelBindings(application_data=bytes.fromhex(request["bindings"]))
        token_in = first(request.get("input", []), TOKEN)
        with library():
            token = context.step(token_in, channel_bindings=bindings)
            outcome = returned(context.complete)
            outcome["attributes"] = {"namespace": "gss", "bits": int(context.context_attr)}
        if token is not None:
            outcome["buffers"] = [buffer(TOKEN, token)]
        return outcome

    def start(self, request: Json, role: str, identity: Json) -> spnego.ContextProxy:
        common: Json = {
            "context_req": requirements_of(role, request["requirements"]),
            "protocol": "ntlm",
            "options": spnego.NegotiateOptions.use_ntlm,
        }
        if role == "acceptor":
            with library():
                return spnego.server(**common)
        user, password = principal(identity), text_of(identity.get("password"))
        target = target_arguments(text_of(request.get("target")))
        with library():
            return spnego.client(user, password, **target, **common)

    def query(self, request: Json) -> Json:
        context, attribute = self.find(self.contexts, request["context"]), request["attribute"]
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
        if attribute not in ("session-key", "names", "sizes", "flags"):
            raise Unsupported(f"query:{attribute}")
        return {**returned(), "values": values}

    def protect(self, request: Json) -> Json:
        """The per-message calls; `quality` is the library's qop."""
        context = self.find(self.contexts, request["context"])
        operation, data = request["op"], first(request["buffers"], DATA) or b""
        if request["form"] == "buffers" and operation in ("seal", "unseal"):
            return self.protect_list(context, request)
        if request["form"] != ("detached" if operation in ("sign", "verify") else "whole"):
            raise Unsupported(f"{operation}:{request['form']}")
        token = first(request["buffers"], TOKEN) or b""
        qop = request.get("quality") or None
        made: typing.List[Json] = []
        with library():
            if operation == "sign":
                made = [buffer(DATA, data), buffer(TOKEN, context.sign(data, qop=qop))]
            elif operation == "verify":
                context.verify(data, token)
            elif operation == "seal":
                made = [buffer(DATA, context.wrap(data, encrypt=True, qop=qop).data)]
            else:
                made = [buffer(DATA, context.unwrap(data).data)]
        return {**returned(), "buffers": made}

    @staticmethod
    def protect_list(context: spnego.ContextProxy, request: Json) -> Json:
        """A list of buffers; the library allocates the signature, and has no way to be given less room."""
        sealing, buffers = request["op"] == "seal", request["buffers"]
        iov: typing.List[typing.Tuple[BufferType, typing.Union[bytes, bool]]] = []
        for entry in buffers:
            kind = IOV_TYPES.get((entry["kind"], entry.get("attributes", 0)))
            if kind is None:
                raise Unsupported("buffer-kind")
            made = sealing and kind is BufferType.header
            if made and entry.get("capacity", TOKEN_SIZE) < TOKEN_SIZE:
                raise Unsupported("token-capacity")
            iov.append((kind, True if made else bytes.fromhex(entry.get("bytes", ""))))
        with library():
            if sealing:
                result = context.wrap_iov(iov, encrypt=True, qop=request.get("quality") or None)
            else:
                result = context.unwrap_iov(iov)
        after = [{**old, "bytes": (new.data or b"").hex()} for old, new in zip(buffers, result.buffers)]
        return {**returned(), "buffers": after}

    @staticmethod
    def find(handles: typing.Dict[int, typing.Any], number: typing.Optional[int]) -> typing.Any:
        """What the number stands for. A dropped Python object cannot be shown again."""
        if number is None:
            raise Unsupported("absent-credential")
        if number not in handles:
            raise Unsupported("foreign-handle")
        if handles[number] is None:
            raise Unsupported("stale-handle")
        return handles[number]


HANDLERS: typing.Dict[str, Handler] = {
    "hello": Subject.hello,
    "reset": Subject.reset,
    "acquire": Subject.acquire,
    "free-credential": Subject.free_credential,
    "initialize": Subject.leg,
    "accept": Subject.leg,
    "delete": Subject.delete,
    "query": Subject.query,
    "sign": Subject.protect,
    "verify": Subject.protect,
    "seal": Subject.protect,
    "unseal": Subject.protect,
    "bye": lambda _, request: {},
}


def answer(subject: Subject, request: Json) -> Json:
    handler = HANDLERS.get(request["op"])
    if handler is None:
        return {"unsupported": {"what": request["op"]}}
    try:
        return {"outcome": handler(subject, request)}
    except Unsupported as missing:
        return {"unsupported": {"what": str(missing)}}
    except Raised as error:
        return {"outcome": raised(error.__cause__)}
    except Exception as error:
        return {"fault": {"message": f"{type(error).__name__}: {readable(str(error))}"}}


def main() -> None:
    # What the library prints goes to standard error; the protocol has standard output for itself.
    protocol = os.fdopen(os.dup(1), "w", encoding="ascii")
    os.dup2(2, 1)
    # A terminated adapter leaves no account file behind either.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    with tempfile.TemporaryDirectory(prefix="legwork-pyspnego-") as folder:
        subject = Subject(pathlib.Path(folder))
        for line in sys.stdin:
            request = json.loads(line)
            protocol.write(json.dumps({"seq": request["seq"], **answer(subject, request)}) + "\n")
            protocol.flush()
            if request["op"] == "bye":
                break


if __name__ == "__main__":
    main()
