"""Nextrade (NXT): the second exchange, which trades some of the same issues from 08:00 to 20:00."""
