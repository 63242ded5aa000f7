"""Aborts, with last words."""
import os
import sys

import keeper


def spoil(request, reply):
    sys.stderr.write("an assertion of the library failed\n")
    sys.stderr.flush()
    os.abort()


keeper.keep(spoil)
