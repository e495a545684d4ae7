"""Live data: one thread and one stream for all that is heard, and what is made of it."""
