"""What a sandbox may be told when it starts."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

ContentType = Literal["json", "form"]


@dataclass(frozen=True)
class SandboxSettings:
    """The merchant it plays i'mport for, and the choices where the official sources disagree.

    Attributes:
        key: the REST API key it accepts.
        secret: the REST API secret it accepts.
        code: the merchant's identification code.
        webhook_url: where webhooks go when a payment names no `notice_url`.
        state: the SQLite file that keeps everything, or `:memory:`.
        seed: makes ids the same in every run.
        seed_file: JSON with payments to begin with.
        scenario: JSON with a scenario, beside those that ship.
        allow_remote_webhooks: send webhooks to other machines too.
        webhook_content_type: how a webhook's body is written, `json` or `form`.
        webhook_resends: how often a webhook that failed is sent again, a minute apart; i'mport offers up to 5.
        background: send webhooks by itself; without it they wait for `drain`.
        test_channel: whether payments are marked as made through a test channel (`sandbox: true`) and are looked up with
            `include_sandbox` only. JTNet's own set-up guide leaves it off, for the test MID as well.
        schedule_lists_are_arrays: answer schedule searches with a plain array (the description) instead of a page
            (clients).
        unknown_key_is_404: answer an unknown customer_uid with HTTP 404 (the description) instead of 200 (clients).
        cancelled_windows_stay_ready: leave a payment `ready` instead of `failed` when the buyer cancels the window; nobody
            has written down which it is.
        decline_reason: the reason of every declined card, instead of the test card's own; JTNet's are not published.
        extra_fields: add a field that nobody knows to payments, billing keys and schedules, as i'mport may at any time.
        confirm_as_form: ask a `confirm_url` with a form instead of JSON; nobody has written down which it is.
        older_clients: do without parameters that the description requires and published clients leave out: `name` of
            `again` and of schedules, their `currency`, and the `channel_key` of a card that is stored.
        token: what everything under `/_sandbox/` asks for, so that the sandbox may serve other machines; None keeps it to
            this one.
        luhn: refuse card numbers whose check digit is wrong, as real card companies do.
        pg_id: the MID at JTNet that recurring payments go through.
        channel_key: what the merchant's console shows for that setting; any other one is taken as well.
        general_pg_id: the MID of a second JTNet setting, for ordinary payments: i'mport lists it first, so that a `pg` of
            plain `jtnet` opens it, and it stores no keys. None: there is one setting.
    """

    key: str = "sandbox_key"
    secret: str = field(default="sandbox_secret", repr=False)
    code: str = "imp00000000"
    webhook_url: str | None = None
    state: str = ":memory:"
    seed: int | None = None
    seed_file: str | None = None
    scenario: str | None = None
    allow_remote_webhooks: bool = False
    webhook_content_type: ContentType = "json"
    webhook_resends: int = 0
    background: bool = True
    test_channel: bool = False
    unknown_key_is_404: bool = False
    schedule_lists_are_arrays: bool = False
    cancelled_windows_stay_ready: bool = False
    decline_reason: str | None = None
    extra_fields: bool = False
    confirm_as_form: bool = False
    older_clients: bool = False
    token: str | None = field(default=None, repr=False)
    luhn: bool = False
    pg_id: str = "tpaytest2m"
    channel_key: str = "channel-key-00000000-0000-4000-8000-000000000000"
    general_pg_id: str | None = None
