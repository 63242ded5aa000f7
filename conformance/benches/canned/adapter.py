"""The canned library of the Python SDK with NTLM tokens: it takes any token and says the same in every exchange."""

import json
import pathlib
import sys
import typing

ROOT = pathlib.Path(__file__).resolve().parents[3]
sys.path.insert(0, str(ROOT / "conformance/sdk/python"))

import example  # noqa: E402
from legwork_adapter import Json, run  # noqa: E402


def token(message: str) -> bytes:
    """The first token of a message among the vectors."""
    groups = json.loads((ROOT / f"vectors/ntlm/{message}.json").read_text(encoding="utf-8"))["groups"]
    return bytes.fromhex(groups[0]["vectors"][0]["bytes"])


class Deaf(example.Exchange):
    TOKENS = tuple(map(token, ("negotiate", "challenge", "authenticate")))

    def step(self, token: typing.Optional[bytes]) -> typing.Optional[bytes]:
        due = self.TOKENS[self.turn - 1] if 0 < self.turn <= len(self.TOKENS) else token
        return super().step(due)


class Canned(example.Canned):
    drives = [{**drive, "package": "ntlm"} for drive in example.Canned.drives]

    def acquire(self, request: Json) -> Json:
        return super().acquire({**request, "package": "canned"})


if __name__ == "__main__":
    example.Exchange = Deaf
    run(Canned())
