"""Snapshots of the whole market in columns, and the indices computed from them."""
