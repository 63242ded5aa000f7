"""Reports on the standard error as a sanitizer does, and goes on."""
import sys

import keeper


def spoil(request, reply):
    sys.stderr.write("==7==ERROR: AddressSanitizer: heap-use-after-free on address 0x60\nREAD of size 1\n")
    sys.stderr.write("    #0 0x4f in accept_token library.c:7\n    #1 0x50 in main adapter.c:9\n")
    sys.stderr.flush()
    return reply


keeper.keep(spoil)
