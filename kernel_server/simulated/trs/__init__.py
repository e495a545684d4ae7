"""Handlers of market TRs, one module a group of TRs."""
