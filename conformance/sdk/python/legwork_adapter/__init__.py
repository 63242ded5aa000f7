"""What every adapter in Python needs: dispatch, text, buffers, handles, and exceptions as statuses.

Subclass `Adapter`, write a method for each operation that the library has, and call `run`; `delete` and
`free-credential` (as `free_credential`) are there, and drop the object. A method takes the request as a dictionary
and returns an outcome: the status and what else came back. What the library cannot do raises `Unsupported`. Calls of
the library stand in `with library():`, so that its exceptions become statuses and the adapter's own become faults.
"""

import contextlib
import json
import os
import sys
import typing

Json = typing.Dict[str, typing.Any]

PROTOCOL = 1
DATA, TOKEN, CHANNEL_BINDINGS = 1, 2, 14


class Unsupported(Exception):
    """The library has no way to do what was asked; the text says what."""


class Raised(Exception):
    """The library raised; the cause is its exception."""


@contextlib.contextmanager
def library() -> typing.Iterator[None]:
    """Marks calls of the library: the adapter's own mistakes must not pass for the library's."""
    try:
        yield
    except Exception as error:
        raise Raised from error


def text_of(value: typing.Optional[Json]) -> typing.Optional[str]:
    """Text as Python has it; unpaired surrogates survive, and absent text is None."""
    if value is None:
        return None
    return bytes.fromhex(value["utf16"]).decode("utf-16-le", "surrogatepass")


def text_from(value: str) -> Json:
    """Text as the protocol has it."""
    return {"utf16": value.encode("utf-16-le", "surrogatepass").hex(), "text": readable(value)}


def readable(value: str) -> str:
    """Text that any JSON reader takes."""
    return value.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def first(buffers: typing.Sequence[Json], kind: int) -> typing.Optional[bytes]:
    """The bytes of the first buffer of a kind. None: there is no such buffer; b"": it is empty."""
    for candidate in buffers:
        if candidate["kind"] == kind:
            return bytes.fromhex(candidate.get("bytes", ""))
    return None


def token_in(request: Json) -> typing.Optional[bytes]:
    """The token that goes into a leg: None, empty, or bytes."""
    return first(request.get("input", []), TOKEN)


def buffer(kind: int, content: bytes) -> Json:
    return {"kind": kind, "bytes": content.hex()}


def token_out(token: typing.Optional[bytes]) -> Json:
    """The part of an outcome that holds a leg's token; nothing for None."""
    return {} if token is None else {"buffers": [buffer(TOKEN, token)]}


def returned(complete: bool = True) -> Json:
    """The status of a call that says nothing but by returning."""
    return {"status": {"namespace": "return", "code": "complete" if complete else "continue"}}


def status(namespace: str, code: int, minor: typing.Optional[int] = None, message: str = "") -> Json:
    """A status that is a number: `sspi`, `gss`, `ntstatus`."""
    entry: Json = {"namespace": namespace, "code": f"{code & 0xFFFFFFFF:#010x}"}
    if minor is not None:
        entry["minor"] = f"{minor & 0xFFFFFFFF:#010x}"
    if message:
        entry["message"] = readable(message)
    return {"status": entry}


class Handles(typing.Dict[int, typing.Any]):
    """What the library gave, under the harness's numbers. A dropped Python object cannot be shown again."""

    def find(self, number: typing.Optional[int]) -> typing.Any:
        if number is None:
            raise Unsupported("absent-handle")
        if number not in self:
            raise Unsupported("foreign-handle")
        if self[number] is None:
            raise Unsupported("stale-handle")
        return self[number]

    def drop(self, number: int) -> typing.Any:
        """Takes the object out; its number stays known as one that was freed."""
        value = self.find(number)
        self[number] = None
        return value


class Adapter:
    """Speaks for one implementation. Give it a name, a version, and the entries of hello's `drives`."""

    name = ""
    version = ""
    drives: typing.Sequence[Json] = ()
    controls: typing.Sequence[str] = ()

    def __init__(self) -> None:
        self.forget()

    def forget(self) -> None:
        self.credentials, self.contexts = Handles(), Handles()

    def hello(self, _: Json) -> Json:
        return {
            "hello": {
                "protocol": PROTOCOL,
                "name": self.name,
                "version": self.version,
                "drives": list(self.drives),
                "controls": list(self.controls),
            }
        }

    def reset(self, request: Json) -> Json:
        """Forgets every handle, and refuses what `configure` did not take."""
        self.forget()
        environment = request["environment"]
        policy, faults = dict(environment.get("policy", {})), list(environment.get("faults", []))
        self.configure(environment, policy, faults)
        for name in policy:
            raise Unsupported(f"policy:{name}")
        for name in faults:
            raise Unsupported(f"fault:{name}")
        return {}

    def configure(self, environment: Json, policy: Json, faults: typing.List[str]) -> None:
        """Takes what the library can be told of the environment; what is left in `policy` and `faults` is refused."""

    def free_credential(self, request: Json) -> Json:
        self.credentials.drop(request["credential"])
        return returned()

    def delete(self, request: Json) -> Json:
        self.contexts.drop(request["context"])
        return returned()

    def bye(self, _: Json) -> Json:
        return {}

    def context_of(self, request: Json, start: typing.Callable[[Json, typing.Any], typing.Any]) -> typing.Any:
        """The context of a leg; the first leg makes it, with `start`, of the request and the credential."""
        if any(request.get("reserved", [])):
            raise Unsupported("reserved")
        credential = self.credentials.find(request.get("credential"))
        if request.get("context") is not None:
            return self.contexts.find(request["context"])
        context = self.contexts[request["new-context"]] = start(request, credential)
        return context

    def error_status(self, error: BaseException) -> Json:
        """The status of an exception: its class. Override it where the library has a number as well."""
        kind = type(error)
        code = f"{kind.__module__}.{kind.__qualname__}"
        return {"status": {"namespace": "exception", "code": code, "message": readable(str(error))}}

    def answer(self, request: Json) -> Json:
        """The reply to a request, without its number."""
        name = str(request["op"]).replace("-", "_")
        method = getattr(self, name, None) if name in OPERATIONS else None
        if method is None:
            return {"unsupported": {"what": request["op"]}}
        try:
            return {"outcome": method(request)}
        except Unsupported as missing:
            return {"unsupported": {"what": str(missing)}}
        except Raised as raised:
            return {"outcome": self.error_status(raised.__cause__ or raised)}
        except Exception as error:
            return {"fault": {"message": f"{type(error).__name__}: {readable(str(error))}"}}


OPERATIONS = frozenset(
    "hello reset acquire free_credential initialize accept complete export import delete free_buffers query"
    " sign verify seal unseal decode encode derive bye".split()
)


def run(adapter: Adapter) -> None:
    """Answers requests until `bye` or the end of the input."""
    # What the library prints goes to standard error; the protocol has standard output for itself.
    protocol = os.fdopen(os.dup(1), "w", encoding="ascii")
    os.dup2(2, 1)
    for line in sys.stdin:
        request = json.loads(line)
        protocol.write(json.dumps({"seq": request["seq"], **adapter.answer(request)}) + "\n")
        protocol.flush()
        if request["op"] == "bye":
            break
