"""Passes requests on to a healthy adapter, and lets an animal of the zoo spoil the reply to one of them.

The first argument is the healthy adapter's program. An animal spoils one reply in the whole run, unless it always does:
the file `spoiled` in its folder says that it has.
"""

import json
import os
import subprocess
import sys


def keep(spoil, at="accept", always=False):
    """`spoil` gets the request and the healthy reply to it, a line each, and returns the bytes to write instead."""
    # An animal that claims to steer what it draws would be tried before the first case.
    healthy = subprocess.Popen([sys.argv[1], "serve"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    for request in sys.stdin.buffer:
        healthy.stdin.write(request)
        healthy.stdin.flush()
        reply = healthy.stdout.readline()
        if json.loads(request)["op"] == "hello":
            reply = without_controls(reply)
        if at in (json.loads(request)["op"], "*") and (always or first_time()):
            reply = spoil(request, reply)
        sys.stdout.buffer.write(reply)
        sys.stdout.buffer.flush()


def without_controls(reply):
    changed = json.loads(reply)
    changed["outcome"]["hello"]["controls"] = ["host", "account-state"]
    return json.dumps(changed).encode() + b"\n"


def first_time():
    try:
        os.close(os.open("spoiled", os.O_CREAT | os.O_EXCL))
        return True
    except FileExistsError:
        return False


def with_status(reply, code):
    """The reply with another status, and without a token."""
    changed = json.loads(reply)
    changed["outcome"] = {"status": {"namespace": "sspi", "code": code}}
    return json.dumps(changed).encode() + b"\n"
