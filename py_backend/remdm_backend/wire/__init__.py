"""This room is the protocol: what a message may be, decoded and checked before anything uses it."""
