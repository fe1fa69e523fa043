"""Moving money: opening a window, charging a stored key, giving back, and hearing how it ended (`settlement`).

Here i'mport is asked, and what it answers goes into the order's books.
"""
