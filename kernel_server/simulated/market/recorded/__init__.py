"""A market of given CSV files."""
