"""What the shop means by paying, in rooms: each asks the ones below it and never the other way round.

- `monthly` tells a month in figures.
- `timemachine` lets time pass beside a sandbox, and does on the way what falls due.
- `mailing` sends the mails that are still true. `reconciling` finishes what was left open.
- `changing` is what shoppers change about a subscription, and the merchant about its price.
- `renewing` charges subscriptions by themselves.
- `payments` moves money: windows, charges, refunds, and the one door (`payments.settlement`) for every message from outside.
- `cards` finds out about billing keys and deletes them.
- `orders` are the books: `orders.records` compares what i'mport says with what was ordered and writes one transition.
- `subscriptions` knows the calendar, what is next, and what an outcome does to a standing order; it asks nobody.
- `mails` writes down what its shopper is to be told.
- `attention` is the list of what needs a person, `shoppers` are who signed up.
- `prices` knows what a plan costs on a day, `catalogue` what is sold.
- `sends` is what a charge sends, `identifiers` gives out order numbers, `errands` are threads for what takes longer than a page.

Views call these modules with plain values; these modules ask i'mport and write the models.
"""

from storefront.billing.context import Billing

__all__ = ["Billing"]
