"""The broker's side of trading: accounts, orders, their Chejan events, and the account TRs.

An order reaches the exchange only after the account's buying power or shares cover it. A fill is booked in the
account first; its events are built from the account after the fill.
"""
