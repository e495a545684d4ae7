"""Log, metrics and health of a running server."""
