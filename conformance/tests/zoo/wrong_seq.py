"""Answers a request that was never made."""
import json

import keeper


def spoil(request, reply):
    changed = json.loads(reply)
    changed["seq"] += 1000
    return json.dumps(changed).encode() + b"\n"


keeper.keep(spoil)
