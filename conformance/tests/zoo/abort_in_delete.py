"""Aborts when the exchange is over and its context is deleted."""
import os

import keeper

keeper.keep(lambda request, reply: os.abort(), at="delete")
