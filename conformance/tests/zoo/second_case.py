"""Ends in the second case that its process plays."""
import os

import keeper

CASES = []


def spoil(request, reply):
    CASES.append(request)
    return reply if len(CASES) < 2 else os._exit(5)


keeper.keep(spoil, at="reset", always=True)
