"""TR handlers about the market: one module per group of TRs."""
