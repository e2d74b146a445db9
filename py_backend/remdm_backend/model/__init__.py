"""This room holds the networks, and what turns their output into log-probabilities."""
