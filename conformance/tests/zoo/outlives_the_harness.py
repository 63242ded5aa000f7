"""Falls silent with a child, and neither ends with its input; the file `spoiled` shows that it has come to that."""
import os
import signal
import time

import keeper


def spoil(request, reply):
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    os.fork()
    time.sleep(600)


keeper.keep(spoil)
