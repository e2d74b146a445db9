"""This room reads and writes checkpoint files, without running anything that is in them."""
