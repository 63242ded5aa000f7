"""Computes without end."""
import keeper


def spoil(request, reply):
    while True:
        pass


keeper.keep(spoil)
