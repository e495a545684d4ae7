"""Issues at a moment, many at once, without the plans of their days."""
