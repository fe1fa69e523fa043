"""The i'mport sandbox: i'mport's REST API for JTNet billing, its browser SDK, payment window and webhooks, offline.

It is an application of its own. A shop meets it only through the addresses of API and SDK, and it imports nothing of
the shop, so it can stand in for i'mport beside a shop in any language.

*Faithful* (to the official V1 description and documentation): paths, parameters, limits, the envelope, the fields of
payments and billing keys, token reuse and renewal, Korean error texts, `code: 0` for a declined charge, cancelled for a
partial cancel, test-channel payments hidden without `include_sandbox`, which events send a webhook, the messages between
the old SDK and its service host.
*Simplified*: one merchant, one or two PG settings (JTNet), won only.
*Invented*: the look of the payment window, how the new SDK talks to it (like the old one), texts nobody has documented,
test cards.
*Not simulated*: anything that is not card billing; it answers HTTP 501. Everything a real i'mport lacks (ledger, faults,
clock, console) is under `/_sandbox/`. `docs/fidelity.md` has all of this line by line, with sources.

The rooms, from the top; each asks those below it and none above: `testing` for other people's tests, `console` for people
and programs under `/_sandbox/`, `window` and `rest` for the two doors a shop comes through, `parts` where everything is
put together, `webhooks`, the `books` with every rule about money, and `wire`, how i'mport speaks.
"""

from storefront.sandbox.app import create_sandbox
from storefront.sandbox.settings import SandboxSettings

__all__ = ["SandboxSettings", "create_sandbox"]
