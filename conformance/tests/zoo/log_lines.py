"""Lets its library write a log around every reply."""
import keeper

keeper.keep(lambda request, reply: b"debug: before\n\n" + reply + b"debug: after\n", at="*", always=True)
