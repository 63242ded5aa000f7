"""An adapter for a library that is made up here: its package `canned` asks, and takes one answer.

Where a real adapter calls its library, this one calls `Exchange`.
"""

import typing

from legwork_adapter import Adapter, Json, Unsupported, library, returned, run, text_of, token_in, token_out


class Refused(Exception):
    """The library's error."""


class Exchange:
    """The made-up library: the initiator says hello, the acceptor asks, the initiator answers."""

    TOKENS = (b"hello", b"who is there?", b"it is me")

    def __init__(self, initiates: bool) -> None:
        self.turn = 0 if initiates else 1
        self.complete = False

    def step(self, token: typing.Optional[bytes]) -> typing.Optional[bytes]:
        expected = self.TOKENS[self.turn - 1] if 0 < self.turn <= len(self.TOKENS) else None
        if self.complete or token != expected:
            raise Refused("another token is due")
        answer = self.TOKENS[self.turn] if self.turn < len(self.TOKENS) else None
        self.turn += 2
        self.complete = self.turn > len(self.TOKENS)
        return answer


def after(token: bytes) -> bytes:
    """The made-up library's one function: the token that answers another."""
    place = Exchange.TOKENS.index(token) + 1 if token in Exchange.TOKENS else len(Exchange.TOKENS)
    if place == len(Exchange.TOKENS):
        raise Refused("nothing answers that")
    return Exchange.TOKENS[place]


class Canned(Adapter):
    name = "canned"
    version = "1"
    drives = [
        {
            "package": "canned",
            "role": role,
            "operations": ["acquire", "free-credential", call, "delete"],
            "observables": ["token", "status"],
            "requirements": 0xFFFFFFFF,
            "derive": ["answer"],
        }
        for role, call in (("initiator", "initialize"), ("acceptor", "accept"))
    ]

    def acquire(self, request: Json) -> Json:
        if request["package"] != "canned":
            raise Unsupported(f"package:{request['package']}")
        identity = request.get("identity") or {}
        self.credentials[request["credential"]] = {"user": text_of(identity.get("user"))}
        return returned()

    def initialize(self, request: Json) -> Json:
        return self.leg(request)

    def accept(self, request: Json) -> Json:
        return self.leg(request)

    def leg(self, request: Json) -> Json:
        context = self.context_of(request, lambda request, _: Exchange(request["op"] == "initialize"))
        with library():
            token = context.step(token_in(request))
        return {**returned(context.complete), **token_out(token)}

    def derive(self, request: Json) -> Json:
        if request["function"] != "answer":
            raise Unsupported(f"derive:{request['function']}")
        token = bytes.fromhex(request["values"]["token"])
        with library():
            value = after(token)
        return {**returned(), "values": {"value": value.hex()}}


if __name__ == "__main__":
    run(Canned())
