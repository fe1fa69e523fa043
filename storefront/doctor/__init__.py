"""What keeps a shop from going live: looked at, said in one line each, with the next step.

`checks` looks, `outside` is how the internet sees the shop, `checklist` is i'mport's own list, `command` prints both.
"""
