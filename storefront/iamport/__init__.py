"""i'mport's REST API (PortOne V1) as Python. It knows no web framework and no database.

`client` says what to ask, `token` keeps the access token, `types` is what comes back, `errors` is how it fails.
"""

from storefront.iamport.client import Iamport
from storefront.iamport.errors import IamportError, NotAskedError, RejectedError, SilenceError, UnreadableAnswerError
from storefront.iamport.types import BillingKey, Payment, PgSetting, UnreadablePayment

__all__ = [
    "BillingKey",
    "Iamport",
    "IamportError",
    "NotAskedError",
    "Payment",
    "PgSetting",
    "RejectedError",
    "SilenceError",
    "UnreadableAnswerError",
    "UnreadablePayment",
]
