"""Killing the shop at every step of what it does."""
