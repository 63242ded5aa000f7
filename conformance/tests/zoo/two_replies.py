"""Answers twice."""
import keeper

keeper.keep(lambda request, reply: reply + reply)
