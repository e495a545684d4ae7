"""The RPCs: one module a scenario, and the two services that offer them (``services``)."""
