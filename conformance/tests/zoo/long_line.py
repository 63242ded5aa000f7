"""Writes a line of 1 GiB."""
import sys

import keeper


def spoil(request, reply):
    for _ in range(1024):
        sys.stdout.buffer.write(b"{" * (1 << 20))
    return b"\n"


keeper.keep(spoil)
