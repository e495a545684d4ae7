"""Column views of the whole market at one moment."""
