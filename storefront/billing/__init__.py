"""What the shop means by paying: catalogue, checkout, settlement, charges, refunds and cards.

Views call these modules with plain values; these modules ask i'mport and write the models. One way in, and every
message from outside (`settlement.settle`) ends in the same place: `records.record` compares what i'mport says with
what was ordered (`judgement`) and writes one transition.
"""

from storefront.billing.context import Billing

__all__ = ["Billing"]
