"""This room has the pieces of the trainer (``python -m remdm_backend.train``)."""
