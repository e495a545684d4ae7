"""The minute archive: minute bars collected from live trades."""
