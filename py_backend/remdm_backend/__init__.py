"""This package is the managed PyTorch backend of remdm: checkpoints in, rows of logits out."""

__version__ = "0.1.0"
