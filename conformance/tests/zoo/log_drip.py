"""Writes a line of a log now and then, and no reply."""
import sys
import time

import keeper


def spoil(request, reply):
    while True:
        sys.stdout.buffer.write(b"still busy\n")
        sys.stdout.buffer.flush()
        time.sleep(0.3)


keeper.keep(spoil)
