"""The lessons in their order, each with its words, its button and the lines that it is about."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from flask_babel import lazy_gettext as _l
from flask_babel.speaklater import LazyString

from storefront.billing.orders import judgement, records
from storefront.billing.payments import charges, checkout, refunds, settlement
from storefront.billing.reconciling import reconciliation
from storefront.billing.subscriptions import outcomes
from storefront.web import payments, webhooks
from storefront.web.inspector.sources import Source
from storefront.web.lessons import plays
from storefront.web.lessons.plays import Stage


@dataclass(frozen=True)
class Lesson:
    """One thing that goes wrong.

    Attributes:
        name: in its address.
        play: what its button does; the order it ends at.
        title: what happens.
        elsewhere: what comes of it in many shops.
        does: what the button does, step by step.
        knew: how this shop finds out.
        code: where it does.
        section: of the guide, by its name there.
    """

    name: str
    play: Callable[[Stage], str]
    title: LazyString
    elsewhere: LazyString
    does: tuple[LazyString, ...]
    knew: LazyString
    code: tuple[Source, ...]
    section: str


_A_SHOPPER_PAYS = _l("The shopper orders a bag for ₩14,900 and pays in the window.")
_A_CARD_IS_STORED = _l("The shopper stores a card for ₩0.")

LESSONS = (
    Lesson(
        "callback-lost",
        plays.callback_lost,
        _l("The callback gets lost"),
        _l(
            "Whoever marks an order as paid in the callback alone has charged the card, and the order stays open for ever."
        ),
        (
            _A_SHOPPER_PAYS,
            _l("The page is gone before the window answers: nobody calls the shop from the browser."),
            _l("i'mport's webhook arrives."),
        ),
        _l(
            "The webhook only says where to look: the shop asks i'mport, and decides. Had it been lost too, the regular look "
            "at i'mport's lists would have found the payment."
        ),
        (webhooks.receive, settlement.settle, reconciliation.reconcile),
        "rspsuccess",
    ),
    Lesson(
        "webhook-twice",
        plays.webhook_twice,
        _l("The webhook comes twice"),
        _l("Whoever books money, stock or points whenever a webhook comes books them twice."),
        (_A_SHOPPER_PAYS, _l("The browser tells the shop."), _l("The same webhook arrives twice.")),
        _l(
            "Every message leads to the same question to i'mport and the same row. What is decided already is not decided again."
        ),
        (webhooks.receive, settlement.settle, records.record),
        "merchant_uid-and-name",
    ),
    Lesson(
        "webhook-first",
        plays.webhook_first,
        _l("The webhook comes first"),
        _l("Whoever writes the order down when the browser comes back gets a webhook for an order that nobody knows."),
        (
            _A_SHOPPER_PAYS,
            _l("The webhook arrives while the window is still open."),
            _l("The browser tells the shop afterwards."),
        ),
        _l(
            "The order stands in the database before the window opens, so whoever comes first finds it; the second finds it paid."
        ),
        (checkout.begin, webhooks.receive, settlement.settle),
        "merchant_uid-and-name",
    ),
    Lesson(
        "webhook-late",
        plays.webhook_late,
        _l("The webhook comes late"),
        _l("Whoever believes a webhook's “paid” ships a bag whose money has gone back long ago."),
        (
            _A_SHOPPER_PAYS,
            _l("The webhook is held up on its way."),
            _l("The browser tells the shop, and the shopper gets the money back."),
            _l("Only now the webhook arrives, and says: paid."),
        ),
        _l("What a webhook says is not read at all. The shop asks i'mport how the payment stands now: cancelled."),
        (webhooks.receive, settlement.settle, refunds.refund),
        "rspsuccess",
    ),
    Lesson(
        "amount-forged",
        plays.amount_forged,
        _l("The amount is forged"),
        _l("Whoever asks only whether a payment is “paid” sells a bag for ₩14,900 at ₩100."),
        (
            _l("The shopper orders a bag for ₩14,900."),
            _l("Somebody changes the amount behind the page's back: the card is charged ₩100."),
            _l("The browser tells the shop that all went well."),
        ),
        _l(
            "i'mport's answer is compared with the order. What does not agree is not accepted: the money goes back, the key is deleted."
        ),
        (checkout.request_pay_parameters, judgement.judge, refunds.finish),
        "amount",
    ),
    Lesson(
        "answer-lost",
        plays.answer_lost,
        _l("The answer of a charge is lost"),
        _l(
            "Whoever takes silence for a failure sends the charge again under a new number, and charges the card twice."
        ),
        (
            _A_CARD_IS_STORED,
            _l("The shop charges it ₩14,900. i'mport does it, and the connection breaks before the answer."),
            _l("The webhook is lost as well."),
        ),
        _l(
            "The order was written down before the charge was sent. The shop looks its number up at i'mport, and never sends it again."
        ),
        (charges.charge_again, charges.send, settlement.settle),
        "charging-again",
    ),
    Lesson(
        "two-clicks",
        plays.two_clicks,
        _l("Two clicks"),
        _l("Whoever makes a new order number for every request charges once for each click."),
        (_A_CARD_IS_STORED, _l("The button for another bag is pressed twice, at the same moment.")),
        _l(
            "Each form has a token, and a token has one order: the second click finds the first one's, and leads to the same page."
        ),
        (charges.charge_again,),
        "merchant_uid-and-name",
    ),
    Lesson(
        "two-tabs",
        plays.two_tabs,
        _l("Two tabs"),
        _l(
            "Whoever remembers one payment for an order keeps the money of the second, and nobody in the shop knows of it."
        ),
        (
            _l("The shopper opens the same order's window in two tabs."),
            _l("Both are paid: the card is charged ₩14,900 twice."),
            _l("Both tabs tell the shop."),
        ),
        _l("The shop asks i'mport for every payment of the order's number, keeps one, and gives the other back."),
        (settlement.settle, judgement.judge, refunds.finish),
        "merchant_uid-and-name",
    ),
    Lesson(
        "renewal-declined",
        plays.renewal_declined,
        _l("A renewal is declined and recovered"),
        _l(
            "Whoever ends a subscription at the first decline loses a customer; whoever tries for ever annoys the card company."
        ),
        (
            _l("The shopper subscribes with a card that will be declined."),
            _l("The demo's time goes to the day of the first charge. It is declined, and the subscription waits."),
            _l("The shopper stores another card for it."),
            _l(
                "The same period is charged to that card. Then the shopper leaves, so that nothing is charged after it."
            ),
        ),
        _l(
            "A period is owed until it is paid, once: a new card is charged at once for the same period, under a new order number."
        ),
        (outcomes.failed, outcomes.paid, charges.send),
        "charging-again",
    ),
    Lesson(
        "another-browser",
        plays.another_browser,
        _l("The phone comes back to another browser"),
        _l(
            "Whoever needs a session when the phone comes back sends people who have paid to the sign-in page, and forgets the payment."
        ),
        (
            _l("The shopper orders in an app's browser and pays in the window."),
            _l("The card's app returns to the phone's own browser, where nobody is signed in."),
        ),
        _l(
            "The address names the order, and settling needs nothing else. Who is not signed in is shown nothing of it."
        ),
        (payments.complete_on_phone, settlement.settle),
        "m_redirect_url",
    ),
    Lesson(
        "key-replaced",
        plays.key_replaced,
        _l("The card's key is replaced"),
        _l("Whoever trusts a customer_uid for ever charges another card than the shopper sees."),
        (
            _A_CARD_IS_STORED,
            _l("Another window is opened with that card's customer_uid, and paid with another card."),
            _l("i'mport keeps the newest card under the name, without a word."),
        ),
        _l(
            "i'mport's answer names the customer_uid, and it is not the order's: the money goes back, and the stored card is "
            "suspended. It is never charged again; its owner may register it anew."
        ),
        (judgement.judge, records.record, refunds.finish),
        "customer_uid",
    ),
)
