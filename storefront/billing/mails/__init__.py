"""What shoppers are told by mail: written in the transaction of what it tells (`news`, `outbox`), in words (`texts`).

Nothing is sent here. `billing.mailing` sends what has been written, and asks once more whether it is still true.
"""
