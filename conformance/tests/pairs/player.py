"""The reference with one habit, for pairing.

Arguments: its program, and the habit: `plain`; `wrong-proof` makes a wrong proof as initiator; `no-attributes` returns
none, which is not legal and harms no peer; `odd-name` calls its machine ODD, which is
legal; `refuses` refuses every AUTHENTICATE; `dislikes-odd` refuses those of a machine called ODD; `gullible` accepts whoever comes;
`dies` ends when it is to accept.

Of the domain: `upper-domain` sends it in capitals, which is legal, and `likes-case` takes the one that it was given alone.
Of what stands behind the AV pairs: `no-trailer` sends nothing there, and `likes-trailer` wants four bytes.
Of the wrapper of Negotiate: `no-state` leaves negState away where it may, and `likes-state` wants it; `bare` takes none, and wants
ALWAYS_SIGN, and `bare-unsigned` sends neither, of which the second is not legal.
Of signing: `no-sign` never grants it, which is not legal where it was offered, and `wants-sign` refuses a challenge without it.
Of messages: `no-empty` refuses those without a byte, `deaf` all, and `wrong-checksum` spoils its signatures.
"""

import json
import struct
import subprocess
import sys

DATA = 1
TOKEN = 2
SIGN = 0x10
ALWAYS_SIGN = 0x8000
REFUSED = {"status": {"namespace": "sspi", "code": "0x8009030c"}}
ALTERED = {"status": {"namespace": "sspi", "code": "0x8009030f"}}
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


def inner(token):
    """The message of NTLM in a token of Negotiate, or the token itself."""
    return token[max(token.find(b"NTLMSSP\0"), 0) :]


def content(element):
    """What is in an element of DER."""
    return element[2 + (element[1] & 0x7F if element[1] & 0x80 else 0) :]


def without_state(token):
    """Whether it is a NegTokenResp that does not begin with negState."""
    return token[0] == 0xA1 and content(content(token))[0] != 0xA0


def trailer(response):
    """How many bytes stand behind the terminator of the AV pairs."""
    at = 44
    while True:
        kind, length = struct.unpack_from("<HH", response, at)
        at += 4 + length
        if kind == 0:
            return len(response) - at


def told(asked):
    """Changes what the reference is told, which makes it the one with the habit."""
    if asked["op"] == "reset":
        environment = asked["environment"]
        if habit == "odd-name":
            environment["host"]["netbios-computer"] = "ODD"
        if habit == "no-trailer":
            environment["policy"]["response-trailer"] = 0
        if habit == "bare-unsigned":
            environment["policy"].update({"unwrapped": True, "offer": 0xFFFFFFFF & ~ALWAYS_SIGN})
        if habit == "no-state":
            environment["policy"]["send-state"] = False
        if habit == "no-sign":
            environment["policy"]["grant"] = 0xFFFFFFFF & ~SIGN
    if asked["op"] == "acquire" and habit == "upper-domain" and "identity" in asked:
        domain = asked["identity"]["domain"]["text"].upper()
        asked["identity"]["domain"] = {"utf16": domain.encode("utf-16-le").hex(), "text": domain}


def refused_message(asked):
    if asked["op"] not in ("sign", "verify", "seal", "unseal"):
        return False
    empty = not any(buffer.get("bytes") for buffer in asked["buffers"] if buffer["kind"] == DATA)
    return habit == "deaf" or (habit == "no-empty" and empty)


def refused(request):
    for buffer in tokens(request.get("input", [])):
        token = bytes.fromhex(buffer["bytes"])
        message = inner(token)
        if habit == "likes-state" and request["op"] == "accept" and without_state(token):
            return True
        if habit == "bare" and request["op"] == "accept" and message[8] == 1:
            return token != message or not struct.unpack_from("<I", message, 12)[0] & ALWAYS_SIGN
        if request["op"] == "accept" and message[8] == 3:
            _, workstation = field(message, 44)
            _, domain = field(message, 28)
            _, response = field(message, 20)
            return (
                habit == "refuses"
                or (habit == "dislikes-odd" and workstation == "ODD".encode("utf-16-le"))
                or (habit == "likes-case" and domain != "Domain".encode("utf-16-le"))
                or (habit == "likes-trailer" and trailer(response) != 4)
            )
        if request["op"] == "initialize" and message[8] == 2 and habit == "wants-sign":
            return not struct.unpack_from("<I", message, 20)[0] & SIGN
    return False


for line in sys.stdin.buffer:
    asked = json.loads(line)
    if habit == "dies" and asked["op"] == "accept":
        sys.exit(3)
    told(asked)
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
            reply["outcome"] = REFUSED
        elif habit == "gullible" and status["code"] == "0x8009030c":
            reply["outcome"] = {"status": {"namespace": "sspi", "code": "0x00000000"}}
    if habit == "wrong-checksum" and asked["op"] in ("sign", "seal"):
        for buffer in tokens(outcome.get("buffers", [])):
            signature = bytearray.fromhex(buffer["bytes"])
            signature[4] ^= 1
            buffer["bytes"] = signature.hex()
    if refused_message(asked):
        reply["outcome"] = ALTERED
    print(json.dumps(reply), flush=True)
