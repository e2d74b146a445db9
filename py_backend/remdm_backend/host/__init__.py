"""This room deals with the machine: threads, memory, devices, signals, and the socket's path."""
