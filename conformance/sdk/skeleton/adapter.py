"""A Legwork adapter that drives nothing yet. Fill it in by ADAPTERS.md, step by step."""

import json
import os
import sys

HELLO = {"protocol": 1, "name": "NAME", "version": "0", "drives": [], "controls": []}


class Unsupported(Exception):
    """The library has no way to do what was asked."""


def reset(request):
    environment = request["environment"]
    for name in environment.get("policy", {}):
        raise Unsupported(f"policy:{name}")
    for name in environment.get("faults", []):
        raise Unsupported(f"fault:{name}")
    return {}


OPERATIONS = {
    "hello": lambda request: {"hello": HELLO},
    "reset": reset,
    "bye": lambda request: {},
}


def answer(request):
    try:
        if request["op"] not in OPERATIONS:
            raise Unsupported(request["op"])
        return {"outcome": OPERATIONS[request["op"]](request)}
    except Unsupported as missing:
        return {"unsupported": {"what": str(missing)}}
    except Exception as error:
        return {"fault": {"message": repr(error)}}


# What the library prints goes to standard error; the protocol has standard output for itself.
protocol = os.fdopen(os.dup(1), "w", encoding="ascii")
os.dup2(2, 1)
for line in sys.stdin:
    request = json.loads(line)
    print(json.dumps({"seq": request["seq"], **answer(request)}), file=protocol, flush=True)
    if request["op"] == "bye":
        break
