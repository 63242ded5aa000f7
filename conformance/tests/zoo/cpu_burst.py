"""Computes for a while in one leg, and answers as it should."""
import time

import keeper


def spoil(request, reply):
    until = time.process_time() + 1.3
    while time.process_time() < until:
        pass
    return reply


keeper.keep(spoil)
