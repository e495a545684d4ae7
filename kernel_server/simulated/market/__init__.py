"""Issues, prices, sessions and rules of the market, as numbers."""
