"""The exchange of Nextrade, and both exchanges together."""
