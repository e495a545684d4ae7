"""What a command has found, as text and as files."""
