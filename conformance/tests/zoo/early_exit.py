"""Ends in the middle of an exchange."""
import os

import keeper

keeper.keep(lambda request, reply: os._exit(3))
