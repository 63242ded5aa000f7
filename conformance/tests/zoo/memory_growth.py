"""Wants ever more memory."""
import keeper


def spoil(request, reply):
    held = []
    while True:
        held.append(bytearray(16 << 20))


keeper.keep(spoil)
