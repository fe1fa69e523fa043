"""An order's books: what an answer of i'mport means for a row (`judgement`), and how that is written (`records`).

Nothing here asks i'mport. The `timeline` tells what happened to an order, `history` shows it to its shopper.
"""
