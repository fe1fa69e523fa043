"""How a call to i'mport fails, named after what the caller should do.

::

    IamportError
    ├── RejectedError     i'mport read the request and said no (HTTP 200 with code ≠ 0, or HTTP 400)
    └── SilenceError      there is no answer one may act on: nothing is known, nothing may change
        ├── UnauthorizedError       no token, or 401 twice: the keys are wrong, the request was not carried out
        ├── UnreadableAnswerError   i'mport spoke of a payment, but not as it describes payments
        ├── NotAskedError           it was not even sent
        └── NotFoundError           HTTP 404; the client makes it an answer where it is one

A declined card is none of these: i'mport answers it with code 0 and a payment whose status is `failed`.
"""

from __future__ import annotations

from storefront.iamport.masking import without_card_numbers


class IamportError(Exception):
    """Anything that kept a call from ending with an answer to use."""


class RejectedError(IamportError):
    """i'mport refused. For a charge this is final only after a look-up finds nothing paid.

    Attributes:
        code: i'mport's number, never 0. Do not branch on it: its meaning is not documented.
        message: i'mport's text, for people, without card numbers. Do not branch on it either.
    """

    def __init__(self, operation: str, code: int, message: str) -> None:
        self.code, self.message = code, without_card_numbers(message)
        super().__init__(f"i'mport rejected {operation} with code {code}: {self.message}")


class SilenceError(IamportError):
    """No usable answer: a time-out, a cut, a 5xx, an unreadable body. The work may or may not have been done.

    The caller changes nothing that depends on the answer, keeps what it has written down, and looks again later.
    """

    def __init__(self, operation: str, reason: str) -> None:
        super().__init__(f"no usable answer from i'mport to {operation}: {reason}")
        self.reason = reason


class UnauthorizedError(SilenceError):
    """i'mport does not accept our token, not even a fresh one. It comes before the work: nothing was done."""


class NotAskedError(SilenceError):
    """The request was not sent: nothing was done, and asking about something else now will not go better."""


class UnreadableAnswerError(SilenceError):
    """I'mport knows a payment of which it says something that cannot be read: a person has to look.

    Attributes:
        imp_uid: the payment's id, if that can be read.
        merchant_uid: its order, if that can be read.
    """

    def __init__(self, reason: str, *, imp_uid: str | None = None, merchant_uid: str | None = None) -> None:
        super().__init__("a payment", reason)
        self.imp_uid, self.merchant_uid = imp_uid, merchant_uid


class NotFoundError(SilenceError):
    """I'mport's own "unknown" (HTTP 404): an answer to a look-up, and to anything else no answer at all."""
