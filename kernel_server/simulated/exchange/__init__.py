"""The exchange: order books that carry out the day's bars and take clients' orders as well.

A script holds the trades that make up an issue's minute bars, generated from the seed or recorded. Background orders
carry it out in an order book with price-time priority. Clients' orders rest in the same book under the same priority;
as in 모의투자 they take part in the trades and do not move the market.
"""
