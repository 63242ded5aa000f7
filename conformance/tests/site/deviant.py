"""A good adapter that sets a reserved flag in messages that it makes.

Called with its version and the command of the good adapter. The site of it has something to show: bytes that are wrong,
a MIC that does not fit any more, and in version 2 something that is mended and something that is worse.
"""

import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent / "planted"))
import proxy

# Where the flags of a message stand, by its type: of those that a version spoils.
FLAGS = {"1": {1: 12, 3: 60}, "2": {2: 20, 3: 60}}
RESERVED = 0x08
TOKEN = 2


class SetsReservedFlag(proxy.Proxy):
    def __init__(self, version, command):
        super().__init__(command)
        self.version = version

    def answer(self, request):
        reply = self.ask(request)
        if request["op"] == "hello":
            reply["outcome"]["hello"]["version"] = self.version
        if request["op"] in ("initialize", "accept"):
            for buffer in reply.get("outcome", {}).get("buffers", []):
                if buffer["kind"] == TOKEN:
                    buffer["bytes"] = changed(bytes.fromhex(buffer["bytes"]), FLAGS[self.version]).hex()
        return reply


def changed(token, places):
    place = places.get(token[8]) if token.startswith(b"NTLMSSP\0") and len(token) > 8 else None
    if place is None or place >= len(token):
        return token
    return token[:place] + bytes([token[place] | RESERVED]) + token[place + 1:]


if __name__ == "__main__":
    SetsReservedFlag(sys.argv[1], sys.argv[2:]).run()
