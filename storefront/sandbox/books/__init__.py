"""The books: everything i'mport knows of one merchant, over one store and one clock, and every rule about its money.

They know no Flask application and no webhook: whoever asks them says how a merchant is told (`announcing`).
"""
