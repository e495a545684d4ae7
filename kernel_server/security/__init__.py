"""Authentication, rights, order permits and size limits of requests."""
