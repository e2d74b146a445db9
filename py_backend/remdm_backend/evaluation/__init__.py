"""Judging texts: generative perplexity and MAUVE."""
