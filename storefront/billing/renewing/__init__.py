"""Charging subscriptions by themselves: what is due is claimed in the database, sent, and settled as any charge."""
