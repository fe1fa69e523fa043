"""One subscription that was begun in a shop, made many: for whoever wants to see thousands fall due."""

from __future__ import annotations

import json
from pathlib import Path

from sqlalchemy import Engine, MetaData


def multiply(engine: Engine, subscriptions: int) -> None:
    """Make the only subscription and its card many: each row as it is, but for its id and what has to be unique."""
    tables = MetaData()
    tables.reflect(engine)
    card, subscription = tables.tables["card"], tables.tables["subscription"]
    with engine.begin() as connection:
        first_card = dict(connection.execute(card.select()).mappings().one())
        first = dict(connection.execute(subscription.select()).mappings().one())
        cards = [{**first_card, "id": 1_000 + n, "customer_uid": f"many_{n}"} for n in range(1, subscriptions)]
        connection.execute(card.insert(), cards)
        rows = [{**first, "id": 1_000 + n, "card_id": 1_000 + n} for n in range(1, subscriptions)]
        connection.execute(subscription.insert(), rows)


def write_keys(folder: Path, subscriptions: int) -> str:
    """Write a sandbox's seed file with the keys of all of them, but for the one that was begun; its name."""
    keys = [{"customer_uid": f"many_{number}"} for number in range(1, subscriptions)]
    (folder / "seed.json").write_text(json.dumps({"billing_keys": keys}))
    return "seed.json"
