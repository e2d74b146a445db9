"""The denoising network and what turns its output into log-probabilities."""
