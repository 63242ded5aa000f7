"""Writes half of its reply, and never the rest."""
import sys
import time

import keeper


def spoil(request, reply):
    sys.stdout.buffer.write(reply[: len(reply) // 2])
    sys.stdout.buffer.flush()
    time.sleep(600)


keeper.keep(spoil)
