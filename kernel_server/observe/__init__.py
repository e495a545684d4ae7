"""What can be seen of a running server: its log, its metrics, and whether it is well."""
