"""Falls silent, and wants neither the end of its input nor a polite signal to end it."""
import signal
import time

import keeper


def spoil(request, reply):
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    time.sleep(600)


keeper.keep(spoil)
