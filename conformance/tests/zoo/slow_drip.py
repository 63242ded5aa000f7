"""Writes its reply a byte at a time, each well within the deadline."""
import sys
import time

import keeper


def spoil(request, reply):
    for byte in reply:
        sys.stdout.buffer.write(bytes([byte]))
        sys.stdout.buffer.flush()
        time.sleep(0.3)


keeper.keep(spoil)
