"""A model of everything that can happen, played in any order, with the ledger as judge.

Hypothesis makes up plays of a hundred steps. On `stage.py` stand the shop and its sandbox in one process. `players.py`
is what shoppers do: sign up, order, pay, press the button for another bag, want refunds, remove cards, pry into what
belongs to others. `subscribers.py` is what happens to standing orders: they begin, fall due, are changed, left and
paid up, and workers are killed in the middle of a charge. `fate.py` is everything else: messages that are true, late,
repeated or forged, cancels in the console, approvals that come late, faults, lost webhooks, time, restarts, and things
that happen *while* the shop waits for i'mport's answer. `checks.py` is what must be true whenever everything has come
to rest, and `test_model.py` puts the five together.

A play is the same in every run: Hypothesis is derandomized, and time stands still but for what a play moves. What has
a name of its own (orders, keys) is named at random, so rules choose by position and never by name.
"""
