"""What i'mport's description requires today and published clients leave out.

The sandbox refuses what the description refuses, so that no hole is hidden; with `older_clients` it lets these pass.
"""

from __future__ import annotations

from collections.abc import Mapping

from storefront.sandbox.settings import SandboxSettings
from storefront.sandbox.wire.parameters import Parameters

SWITCH = "--older-clients"
LEFT_OUT: Mapping[str, Mapping[str, str]] = {
    "again": {"name": "the JTNet guide's own example and the Python clients send none"},
    "issue": {"channel_key": "it is newer than every published client"},
    "schedule": {
        "currency": "the Python, Node and Java clients send none; won are meant",
        "name": "the Python clients send none",
    },
}
"""By what is asked for, each parameter with who leaves it out."""


def check(settings: SandboxSettings, asked: str, parameters: Parameters) -> None:
    """See to it that what is often left out is there.

    Args:
        settings: they may let older clients pass.
        asked: one of `LEFT_OUT`.
        parameters: what was sent.

    Raises:
        Refusal: something is not there; it names the switch that does without.
    """
    if settings.older_clients:
        return
    for name in LEFT_OUT[asked]:
        if parameters.raw(name) in (None, ""):
            refusal = parameters.missing(name)
            refusal.rule += f"; {SWITCH} does without it"
            raise refusal
