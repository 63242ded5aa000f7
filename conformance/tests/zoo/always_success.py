"""Accepts whatever comes, at once."""
import keeper

keeper.keep(lambda request, reply: keeper.with_status(reply, "0x00000000"), always=True)
