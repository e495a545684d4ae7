"""Alerts: what is waited for, where it is noticed, and how its messages are delivered."""
