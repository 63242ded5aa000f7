"""Has somebody beside it who writes to the standard error without end, and answers well."""
import subprocess
import sys

import keeper


def spoil(request, reply):
    subprocess.Popen(["yes", "noise"], stdout=sys.stderr)
    return reply


keeper.keep(spoil)
