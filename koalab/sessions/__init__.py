"""The session: one broker's data as methods. A module here is a group of methods; ``session`` joins them."""
