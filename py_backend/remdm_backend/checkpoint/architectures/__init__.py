"""The entries of the registry of architectures (``checkpoint/registry.py``), one a file."""
