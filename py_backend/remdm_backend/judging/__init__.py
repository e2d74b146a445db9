"""This room judges texts: generative perplexity and MAUVE."""
