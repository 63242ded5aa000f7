"""Writes what is no text, and then an object that is no JSON."""
import keeper

keeper.keep(lambda request, reply: b"\x00\xff\xfe\x80 no text\n" * 100 + b"{\x00\xff}\n")
