"""The reference with one habit, for pairing.

Arguments: its program, and the habit: `plain`; `wrong-proof` makes a wrong proof as initiator; `no-attributes` returns
none, which is not legal and harms no peer; `odd-name` calls its machine ODD, which is
legal; `refuses` refuses every AUTHENTICATE; `dislikes-odd` refuses those of a machine called ODD; `gullible` accepts whoever comes;
`dies` ends when it is to accept.
"""

import json
import struct
import subprocess
import sys

TOKEN = 2
habit = sys.argv[2]
reference = subprocess.Popen([sys.argv[1], "serve"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)


def tokens(buffers):
    return [buffer for buffer in buffers if buffer["kind"] == TOKEN and buffer["bytes"]]


def field(message, at):
    """The bytes that a field descriptor points at, with their place."""
    length, _, offset = struct.unpack_from("<HHI", message, at)
    return offset, message[offset : offset + length]


def spoilt(token):
    message = bytearray.fromhex(token)
    kind = message[8]
    if habit == "wrong-proof" and kind == 3:
        offset, _ = field(message, 20)
        message[offset] ^= 1
    return message.hex()


def refused(request):
    for buffer in tokens(request.get("input", [])):
        message = bytes.fromhex(buffer["bytes"])
        if request["op"] == "accept" and message[8] == 3:
            _, workstation = field(message, 44)
            return habit == "refuses" or (habit == "dislikes-odd" and workstation == "ODD".encode("utf-16-le"))
    return False


for line in sys.stdin.buffer:
    asked = json.loads(line)
    if habit == "dies" and asked["op"] == "accept":
        sys.exit(3)
    if habit == "odd-name" and asked["op"] == "reset":
        asked["environment"]["host"]["netbios-computer"] = "ODD"
    reference.stdin.write(json.dumps(asked).encode() + b"\n")
    reference.stdin.flush()
    reply = json.loads(reference.stdout.readline())
    outcome = reply.get("outcome", {})
    if asked["op"] == "hello":
        outcome["hello"]["name"] = habit
        # Its habits are not those of a subject whose every byte can be foretold.
        outcome["hello"]["controls"] = ["clock", "host", "account-state"]
    if asked["op"] in ("initialize", "accept"):
        for buffer in tokens(outcome.get("buffers", [])):
            buffer["bytes"] = spoilt(buffer["bytes"])
        status = outcome["status"]
        if habit == "no-attributes":
            outcome["attributes"] = {"namespace": "sspi", "bits": 0}
        if refused(asked):
            reply["outcome"] = {"status": {"namespace": "sspi", "code": "0x8009030c"}}
        elif habit == "gullible" and status["code"] == "0x8009030c":
            reply["outcome"] = {"status": {"namespace": "sspi", "code": "0x00000000"}}
    print(json.dumps(reply), flush=True)
