"""Closes its output and stays."""
import os
import time

import keeper


def spoil(request, reply):
    os.close(1)
    time.sleep(600)


keeper.keep(spoil)
