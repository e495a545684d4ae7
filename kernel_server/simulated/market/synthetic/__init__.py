"""The synthetic market: prices generated from a seed."""
