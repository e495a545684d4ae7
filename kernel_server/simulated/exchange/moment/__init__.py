"""Issues at a moment, many at once, without making more of their days than it needs."""
