"""``watch``: live data as a table that is redrawn, and as lines for other programs."""
