"""Reconciliation: finishing what a crash, a silence or a lost message left open.

It looks both ways: at our open rows, and at what i'mport captured or cancelled that nobody told us of.
"""

from __future__ import annotations

from storefront.billing import attention
from storefront.billing.context import Billing
from storefront.billing.reconciling import open_orders, second_looks, sweeping
from storefront.billing.reconciling.desk import line
from storefront.billing.reconciling.report import Report

__all__ = ["Report", "reconcile"]


def reconcile(billing: Billing, *, only_due: bool = False, sweep: bool = True) -> Report:
    """Finish what is open, and look for what nobody told us.

    Args:
        billing: settings, database, gateway, clock.
        only_due: look only at what is due: soon after it was opened, then ever more seldom.
        sweep: also ask i'mport for everything captured or cancelled since the last sweep.

    Returns:
        The report. i'mport's silence is in it; it raises nothing for that.
    """
    report = Report()
    second_looks.look_again(billing, report, only_due=only_due)
    open_orders.finish_all(billing, report, only_due=only_due)
    if sweep:
        sweeping.sweep(billing, report)
    report.needs_person = [line(item) for item in attention.open_items(billing)]
    return report
