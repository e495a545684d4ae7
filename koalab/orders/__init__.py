"""Orders of a session, and the account's orders and positions kept in step with the broker's events."""
