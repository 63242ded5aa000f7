"""Ends in the middle of an exchange, and never starts again."""
import os
import sys

import keeper

if os.path.exists("spoiled"):
    sys.exit("the provider is gone")
keeper.keep(lambda request, reply: os._exit(6))
