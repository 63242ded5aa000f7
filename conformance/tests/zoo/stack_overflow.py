"""Calls itself until the stack ends."""
import sys

import keeper


def spoil(request, reply):
    sys.setrecursionlimit(1 << 30)
    return max([request], key=lambda it: spoil(it, reply))


keeper.keep(spoil)
