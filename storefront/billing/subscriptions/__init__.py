"""A standing order's own rules: its calendar, what is next (`step`), and what an outcome of a payment does to it.

Nothing here asks i'mport, and nothing here sends: `renewing` does, and the order's books call `outcomes`.
"""
