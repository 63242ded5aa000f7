"""Passes requests on to a healthy adapter, and spoils replies in the way of the version that the file `pinned` names.

The first argument is the healthy adapter's program. Every version tells an unknown user from a wrong password; 1.0 has
a code of its own for a malformed CHALLENGE, which is another one in 2.0, and 2.0 has lost the attributes of an initiator.
"""

import json
import pathlib
import subprocess
import sys

INVALID_TOKEN, LOGON_DENIED = "0x80090308", "0x8009030c"
INTERNAL_ERROR, NO_CREDENTIALS, UNSUPPORTED_FUNCTION = "0x80090304", "0x8009030e", "0x80090302"

version = pathlib.Path("pinned").read_text().strip()
malformed = {"1.0": INTERNAL_ERROR, "2.0": UNSUPPORTED_FUNCTION}[version]


def spoil(request, outcome, accounts):
    """Changes an outcome in place."""
    operation, status = request["op"], outcome.get("status", {})
    if operation == "hello":
        outcome["hello"].update(name="moving", version=version, controls=[])
    elif operation == "initialize" and version == "2.0" and "attributes" in outcome:
        outcome["attributes"]["bits"] = 0
    if operation == "initialize" and status.get("code") == INVALID_TOKEN:
        status["code"] = malformed
    if operation == "accept" and status.get("code") == LOGON_DENIED and "Somebody" in accounts:
        status["code"] = NO_CREDENTIALS


healthy = subprocess.Popen([sys.argv[1], "serve"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
accounts = []
for line in sys.stdin.buffer:
    healthy.stdin.write(line)
    healthy.stdin.flush()
    request, reply = json.loads(line), json.loads(healthy.stdout.readline())
    if request["op"] == "reset":
        accounts = [account["user"].get("text") for account in request["environment"].get("accounts", [])]
    if "outcome" in reply:
        spoil(request, reply["outcome"], accounts)
    sys.stdout.write(json.dumps(reply) + "\n")
    sys.stdout.flush()
