"""Trials of sessions while server, broker and events fail: orders beside the broker's books, streams beside volumes."""
