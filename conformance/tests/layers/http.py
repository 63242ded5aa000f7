"""The reference as a program that speaks HTTP would show it: tokens are values of header fields.

Arguments: the reference's program and words that change it: `silent` shows no status of a leg, `keyed` beside it the session
key, `careless` answers a refused token with an old one, `mangled` leaves the padding of base64 away, `unprotected` can be asked for no protection.
"""

import base64
import json
import subprocess
import sys

TOKEN = 2
words = sys.argv[2:]
reference = subprocess.Popen([sys.argv[1], "serve"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
last = ""


def legs(request):
    return request["op"] in ("initialize", "accept")


def from_header(value):
    scheme, _, encoded = bytes.fromhex(value).decode().partition(" ")
    assert scheme == "NTLM", scheme
    return base64.b64decode(encoded, validate=True).hex()


def to_header(token):
    value = "NTLM " + base64.b64encode(bytes.fromhex(token)).decode()
    return (value.rstrip("=") if "mangled" in words else value).encode().hex()


def inwards(request):
    if legs(request):
        http = request.pop("http")
        assert http["method"] == "GET" and http["uri"] == "/", http
        assert http["headers"] == [["Host", "server.domain.example"]], http
        for buffer in request["input"]:
            if buffer["kind"] == TOKEN:
                buffer["bytes"] = from_header(buffer["bytes"])
    return request


def outwards(request, reply):
    global last
    outcome = reply.get("outcome", {})
    if request["op"] == "hello":
        for drive in outcome["hello"]["drives"]:
            drive["layer"] = "http-header"
            if "silent" in words:
                drive["observables"] = ["token"]
                drive["operations"] = ["acquire", "initialize", "accept"]
            if "keyed" in words:
                drive["observables"] += ["session-key"]
                drive["operations"] += ["query"]
            if "unprotected" in words:
                drive["requirements"] = 0
    if legs(request) and "outcome" in reply:
        refused = outcome["status"]["code"].startswith("0x8")
        if "silent" in words:
            outcome["status"] = {"namespace": "return", "code": "silent"}
        if refused and "careless" in words:
            outcome["buffers"] = [{"kind": TOKEN, "bytes": last}]
        for buffer in outcome.get("buffers", []):
            last = buffer["bytes"]
            buffer["bytes"] = to_header(last)
    return reply


for line in sys.stdin.buffer:
    asked = inwards(json.loads(line))
    reference.stdin.write(json.dumps(asked).encode() + b"\n")
    reference.stdin.flush()
    answer = outwards(asked, json.loads(reference.stdout.readline()))
    print(json.dumps(answer), flush=True)
