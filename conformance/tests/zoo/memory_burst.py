"""Takes a lot of memory for one leg, and answers as it should."""
import keeper


def spoil(request, reply):
    hoard = bytearray(160 << 20)
    for page in range(0, len(hoard), 4096):
        hoard[page] = 1
    return reply


keeper.keep(spoil)
