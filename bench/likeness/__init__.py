"""``python -m bench likeness``: a day of the simulated market beside recorded ones."""
