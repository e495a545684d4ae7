"""The bars of a live chart: loaded, and continued by the stream of trades."""
