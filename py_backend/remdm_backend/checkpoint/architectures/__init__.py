"""This folder has the entries of the registry of architectures, one a file.

See ``checkpoint/registry.py``.
"""
