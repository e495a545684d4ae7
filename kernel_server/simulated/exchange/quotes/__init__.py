"""The quotes of an issue as a function of its newest trade and the time since it."""
