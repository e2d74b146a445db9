"""This module says how much a template may take; it is imported where jinja2 is not."""

from __future__ import annotations

MEMORY = 512 << 20
"""Bytes of address space, Python's own 100 MB among them."""
MAX_TEXT = 1 << 20
"""Characters of a rendered chat."""
