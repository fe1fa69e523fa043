"""What the shop means by paying, in rooms: each asks the ones below it and never the other way round.

- `timemachine` lets time pass beside a sandbox, and does on the way what falls due.
- `reconciling` finishes what was left open.
- `changing` is what shoppers change about a subscription, and the merchant about its price.
- `renewing` charges subscriptions by themselves.
- `payments` moves money: windows, charges, refunds, and the one door (`payments.settlement`) for every message from outside.
- `cards` finds out about billing keys and deletes them.
- `orders` are the books: `orders.records` compares what i'mport says with what was ordered and writes one transition.
- `subscriptions` knows the calendar, what is next, and what an outcome does to a standing order; it asks nobody.
- `prices` knows what a plan costs on a day, `catalogue` what is sold.

Views call these modules with plain values; these modules ask i'mport and write the models.
"""

from storefront.billing.context import Billing

__all__ = ["Billing"]
