"""The exchange: order books that trade what the day's bars say, and whatever orders come in beside that.

A day is a script: for every issue the trades that make up its minute bars, drawn from the seed or given.
The script is carried out by background orders in a real price-time order book. Orders of the broker's
clients stand in the same book, under the same priority; as in 모의투자 they take part in the trades and do
not move the market.
"""
