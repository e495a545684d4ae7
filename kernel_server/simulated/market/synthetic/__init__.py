"""A seeded market: prices drawn from a seed, reproducible on any machine."""
