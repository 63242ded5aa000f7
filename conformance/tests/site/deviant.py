"""A good adapter that sets a reserved flag in each message that it makes.

Called with the command of the good adapter. The site of it has something to show: bytes that are wrong, and a MIC that
does not fit any more.
"""

import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent / "planted"))
import proxy

# Where the flags of a message stand, by its type.
FLAGS = {1: 12, 2: 20, 3: 60}
RESERVED = 0x08
TOKEN = 2


class SetsReservedFlag(proxy.Proxy):
    def answer(self, request):
        reply = self.ask(request)
        if request["op"] in ("initialize", "accept"):
            for buffer in reply.get("outcome", {}).get("buffers", []):
                if buffer["kind"] == TOKEN:
                    buffer["bytes"] = changed(bytes.fromhex(buffer["bytes"])).hex()
        return reply


def changed(token):
    place = FLAGS.get(token[8]) if token.startswith(b"NTLMSSP\0") and len(token) > 8 else None
    if place is None or place >= len(token):
        return token
    return token[:place] + bytes([token[place] | RESERVED]) + token[place + 1:]


if __name__ == "__main__":
    SetsReservedFlag(sys.argv[1:]).run()
