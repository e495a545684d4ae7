"""Real-time strings as columns: names and kinds of the fields, and their decoding."""
