"""Live data: one stream and thread per session, its subscribers, and minute bars collected from it."""
