"""Parts of the trades that minute bars call for."""
