"""Who may reach the server, what they may ask of it, and how much at once."""
