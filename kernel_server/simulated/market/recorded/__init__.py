"""A market of recorded CSV files."""
