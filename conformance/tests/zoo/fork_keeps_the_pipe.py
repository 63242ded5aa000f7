"""Ends, and leaves a child behind that holds the pipes open."""
import os
import time

import keeper


def spoil(request, reply):
    if os.fork() == 0:
        time.sleep(600)
    os._exit(4)


keeper.keep(spoil)
