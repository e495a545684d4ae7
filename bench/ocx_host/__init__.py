"""Measurements of the OCX host under Wine: ``calls`` against the simulated control, and a ``day`` of faults."""
