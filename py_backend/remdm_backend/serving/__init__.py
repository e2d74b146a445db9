"""This room is the server: the I/O loop, and the process around it."""
