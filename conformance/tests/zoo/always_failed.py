"""Refuses whatever comes."""
import keeper

keeper.keep(lambda request, reply: keeper.with_status(reply, "0x8009030c"), always=True)
