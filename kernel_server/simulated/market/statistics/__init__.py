"""What the exchange and the lenders publish beside prices: program trading, credit, securities lending."""
