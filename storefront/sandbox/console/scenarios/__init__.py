"""Scenarios: a story that the sandbox plays by itself, step by step, and what its ledger must say in the end.

A document names who pays with which card, what breaks, what the clock does. `reading` takes it apart and refuses what nobody
could play, `acts` is what a step can do, `playing` does them in turn, `shelf` has those that ship, that a file brought and
that somebody posted, and `views` is all of it as pages and as JSON.
"""
