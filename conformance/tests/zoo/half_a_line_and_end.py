"""Writes half of its reply and ends as if all were well."""
import os
import sys

import keeper


def spoil(request, reply):
    sys.stdout.buffer.write(reply[: len(reply) // 2])
    sys.stdout.buffer.flush()
    os._exit(0)


keeper.keep(spoil)
