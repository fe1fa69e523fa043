"""The merchant's JTNet settings at i'mport: the recurring one, and perhaps an ordinary one that is listed before it.

Source: the operation `GET /users/pg`, and how the official SDK 1.1.5 chooses the frame for a `pg`. That an ordinary setting
takes a payment with a `customer_uid` and stores no key is in no document: shops have to be ready for it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from storefront.sandbox.settings import SandboxSettings

_GENERAL_CHANNEL_KEY = "channel-key-00000000-0000-4000-8000-000000000001"


@dataclass(frozen=True)
class PgSetting:
    """One of them.

    Attributes:
        pg_id: its MID at JTNet.
        channel_key: what the merchant's console shows for it.
        stores_keys: whether its contract is for recurring payments.
    """

    pg_id: str
    channel_key: str
    stores_keys: bool


def listed(settings: SandboxSettings) -> list[PgSetting]:
    """All of them; the first one is the default."""
    recurring = PgSetting(settings.pg_id, settings.channel_key, stores_keys=True)
    if settings.general_pg_id is None:
        return [recurring]
    return [PgSetting(settings.general_pg_id, _GENERAL_CHANNEL_KEY, stores_keys=False), recurring]


def chosen(settings: SandboxSettings, params: Mapping[str, Any]) -> PgSetting:
    """The setting a window opens with: the one its `pg` or `channelKey` names, and without a word the first one otherwise.

    Args:
        settings: the sandbox's.
        params: what the page gave `IMP.request_pay`.
    """
    every = listed(settings)
    pg, channel_key = params.get("pg"), params.get("channelKey")
    return next((one for one in every if f"jtnet.{one.pg_id}" == pg or one.channel_key == channel_key), every[0])
