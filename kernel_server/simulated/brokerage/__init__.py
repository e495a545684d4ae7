"""The broker's side of trading: accounts, orders, the events that tell of them, and the TRs that list them.

An order goes to the exchange only after the account can pay for it. What the exchange tells of its fills
changes the account first, and the events are made of the account as it then is.
"""
