"""Claims to have done whatever it does not know."""
import json

import keeper


def spoil(request, reply):
    if "outcome" in json.loads(reply):
        return reply
    return json.dumps({"seq": json.loads(request)["seq"], "outcome": {}}).encode() + b"\n"


keeper.keep(spoil, at="*", always=True)
