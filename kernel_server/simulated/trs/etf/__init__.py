"""TRs about ETFs: net asset value, and how well it and the price follow the index."""
