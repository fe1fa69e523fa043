"""How a payment went, step by step: who told or asked whom, in which words, and which lines of this shop did it.

Beside the sandbox only. `steps` puts together what the shop wrote down and what the sandbox did, `commands` repeats a
step by hand, `sources` finds the lines, `texts` has the words, and `page` shows it all to the payment's owner.
"""

from storefront.web.inspector.page import blueprint, init_app

__all__ = ["blueprint", "init_app"]
