"""The words of the inspector: who told or asked whom, what a step is called, and where the official guide misleads."""

from __future__ import annotations

from dataclasses import dataclass

from flask_babel import gettext

from storefront.web.timeline import Lane, Line, event_titles

_SILENCES = {"unanswered", "charge_unanswered", "cancel_unanswered"}


@dataclass(frozen=True)
class Trap:
    """Where whoever follows the official guide goes wrong at this step.

    Attributes:
        text: what happens then.
        section: the section of the guide's page about it.
    """

    text: str
    section: str


def sentence(line: Line) -> str:
    """Who did what to whom, as a sentence that goes on with the line's title."""
    if line.name in _SILENCES:
        return str(gettext("The shop heard nothing from i'mport"))
    sentences: dict[tuple[str, Lane, Lane], str] = {
        ("told", Lane.BROWSER, Lane.SHOP): gettext("The browser told the shop"),
        ("told", Lane.BROWSER, Lane.IAMPORT): gettext("The browser told i'mport"),
        ("told", Lane.SHOP, Lane.IAMPORT): gettext("The shop told i'mport"),
        ("told", Lane.IAMPORT, Lane.SHOP): gettext("i'mport told the shop"),
        ("told", Lane.IAMPORT, Lane.BROWSER): gettext("i'mport told the browser"),
        ("asked", Lane.BROWSER, Lane.IAMPORT): gettext("The browser asked i'mport"),
        ("asked", Lane.SHOP, Lane.IAMPORT): gettext("The shop asked i'mport"),
        ("asked", Lane.IAMPORT, Lane.SHOP): gettext("i'mport answered the shop"),
        ("asked", Lane.IAMPORT, Lane.JTNET): gettext("i'mport asked JTNet"),
        ("decided", Lane.SHOP, Lane.SHOP): gettext("The shop decided"),
    }
    return sentences[line.kind, line.begin, line.end]


def title(name: str) -> str:
    """What a step is called that is no line of the shop's timeline."""
    events = event_titles()
    titles: dict[str, str] = {
        "prepare": events["prepared"],
        "look_up": events["looked_up"],
        "charge": events["charge_sent"],
        "cancel": events["cancel_sent"],
        "key_read": events["key_read"],
        "key_delete": events["key_delete_sent"],
        "webhook": events["webhook"],
        "unschedule": gettext("Asked to revoke what is scheduled for the card"),
        "other": gettext("Another request with the shop's keys"),
        "webhook_lost": gettext("A webhook did not arrive"),
        "window_opened": gettext("The page opened the payment window"),
        "window_paid": gettext("The shopper gave the card in the window and agreed"),
        "window_left": gettext("The shopper left the window"),
        "window_calls_back": gettext("The window closed, and the page's callback was called"),
        "window_redirects": gettext("The window sent the phone back to the shop"),
        "window_silent": gettext("The window closed, and its answer was lost"),
        "jtnet_window": gettext("To have the card company approve it"),
        "jtnet_charge": gettext("To charge the stored card"),
        "jtnet_cancel": gettext("To give the money back"),
    }
    return titles[name]


def outcome(status: str | None) -> str:
    """How the card company answered."""
    if status is None:
        return str(gettext("The answer is lost on its way to the shop; the work was done."))
    return str(gettext("The answer: %(status)s", status=status))


def trap(name: str, amount_krw: int) -> Trap | None:
    """What the guide leaves out at a step, or None."""
    return _traps(amount_krw).get(name)


def _traps(amount_krw: int) -> dict[str, Trap]:
    return {
        "window_opened": _of_amount_0() if amount_krw == 0 else _of_customer_uid(),
        "prepared": Trap(
            gettext("The browser can change every parameter of the window, so the amount is locked before it opens."),
            "the-window",
        ),
        "callback": Trap(
            gettext("The guide believes rsp.success. The new SDK does not send it, and a browser can write anything."),
            "rspsuccess",
        ),
        "redirect": Trap(
            gettext("A phone calls nothing back. Without m_redirect_url it stays at i'mport, the card charged."),
            "m_redirect_url",
        ),
        "charge_sent": Trap(
            gettext("The guide's curl has no Authorization header and no name, so it charges nothing."),
            "charging-again",
        ),
        "charge_answered": Trap(
            gettext("code 0 says that the card company was asked; only status says what it answered."),
            "charging-again",
        ),
        "charge_unanswered": Trap(
            gettext("No answer means nothing: charged or not. It is never sent again under another order number."),
            "charging-again",
        ),
        "cancel_sent": Trap(gettext("An amount of 0 in a cancel means everything, so 0 is never sent."), "amount"),
        "key_issued": Trap(
            gettext("The key itself stays at i'mport. The shop keeps its name, customer_uid, and a masked number."),
            "the-key",
        ),
    }


def _of_amount_0() -> Trap:
    return Trap(
        gettext(
            "0 won stores the key and charges nothing. “For display” is true of 0 alone: any other amount is charged."
        ),
        "amount",
    )


def _of_customer_uid() -> Trap:
    return Trap(
        gettext("Without customer_uid the window charges the card and stores no key, and nothing says so."),
        "customer_uid",
    )
