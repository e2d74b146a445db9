"""This room answers forward calls: it queues, merges and runs them on one thread."""
