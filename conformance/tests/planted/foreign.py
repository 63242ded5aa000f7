"""Stands between the harness and the reference, and draws and tells the time as a foreign library does: from the system.

The seed and the clock that the reference is told are this process's own, so that its tokens are steered only if the
process is. Called with the way of drawing and the reference's command.
"""

import os
import random
import sys
import time

import proxy

UNIX_EPOCH = 116_444_736_000_000_000


class Foreign(proxy.Proxy):
    def __init__(self, command):
        super().__init__(command)
        self.early = random.Random(os.urandom(16))

    def draw(self):
        """Whenever bytes are needed."""
        return os.urandom(16)

    def answer(self, request):
        if request["op"] == "reset":
            environment = request["environment"]
            environment["seed"] = self.draw().hex()
            environment["clock"] = UNIX_EPOCH + time.time_ns() // 100
        reply = self.ask(request)
        if request["op"] == "hello":
            reply["outcome"]["hello"]["controls"] = ["host"]
        return reply


class Early(Foreign):
    """From a generator that was seeded when the process began."""

    def draw(self):
        return self.early.randbytes(16)


class Dies(Foreign):
    """As an acceptor it ends."""

    def answer(self, request):
        if request["op"] == "accept":
            os._exit(7)
        return super().answer(request)


WAYS = {"foreign": Foreign, "early": Early, "dies": Dies}

if __name__ == "__main__":
    WAYS[sys.argv[1]](sys.argv[2:]).run()
