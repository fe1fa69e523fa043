"""How many payments entered a status within a window of time, without looking at each of them.

The database itself keeps the count, by triggers: for every status, and for `all` by when they started, how many there are
in each second, in each 256 seconds and in each 65,536 seconds. A window is then a few hundred sums, however many payments
it holds.
"""

from __future__ import annotations

from collections.abc import Callable

_BITS = 8
_LEVELS = (0, _BITS, 2 * _BITS)


def _moment(row: str) -> str:
    """When a payment entered its status, as an expression: each status but `ready` has a time of its own."""
    times = " ".join(f"WHEN '{status}' THEN {row}.{status}_at" for status in ("paid", "cancelled", "failed"))
    return f"CASE {row}.status {times} ELSE {row}.started_at END"


def _count_in(source: str) -> str:
    """Counts every (kind, moment) of a source, at every level."""
    levels = " UNION ALL ".join(f"SELECT {bits} AS bits" for bits in _LEVELS)
    rows = f"SELECT kind, bits, moment >> bits, 1 FROM ({source}), ({levels}) WHERE true"  # noqa: S608 - ours
    return f"INSERT INTO tally {rows} ON CONFLICT DO UPDATE SET payments = payments + 1;"


_EVERY_PAYMENT = f"""
SELECT 'all' AS kind, started_at AS moment FROM payment UNION ALL SELECT status, {_moment("payment")} FROM payment
"""  # noqa: S608

SCHEMA = f"""
CREATE TABLE IF NOT EXISTS tally (
  kind TEXT NOT NULL, bits INTEGER NOT NULL, bucket INTEGER NOT NULL, payments INTEGER NOT NULL,
  PRIMARY KEY (kind, bits, bucket)
) WITHOUT ROWID;
CREATE TRIGGER IF NOT EXISTS payment_begins AFTER INSERT ON payment BEGIN
  {_count_in(f"SELECT 'all' AS kind, NEW.started_at AS moment UNION ALL SELECT NEW.status, {_moment('NEW')}")}
END;
CREATE TRIGGER IF NOT EXISTS payment_changes AFTER UPDATE OF status, paid_at, cancelled_at, failed_at ON payment BEGIN
  UPDATE tally SET payments = payments - 1 WHERE kind = OLD.status
    AND (bits, bucket) IN (VALUES {", ".join(f"({bits}, ({_moment('OLD')}) >> {bits})" for bits in _LEVELS)});
  {_count_in(f"SELECT NEW.status AS kind, {_moment('NEW')} AS moment")}
END;
{_count_in(_EVERY_PAYMENT)}
"""  # noqa: S608 - the names are ours
"""Counts what is there already as well."""


def count(number: Callable[..., int], kind: str, begin: int, end: int) -> int:
    """The payments of a status, or `all`, from one second up to and including another.

    Args:
        number: asks the database for a number, as `Store.number` does.
        kind: the status, or `all`.
        begin: the first second of the window.
        end: its last second.
    """
    query = "SELECT sum(payments) FROM tally WHERE kind = ? AND bits = ? AND bucket BETWEEN ? AND ?"
    return sum(number(query, kind, bits, first, last) for bits, first, last in _buckets(begin, end))


def _buckets(begin: int, end: int) -> list[tuple[int, int, int]]:
    """The fewest buckets that make up a window, as (level, first, last): small ones at its edges, large ones within."""
    found: list[tuple[int, int, int]] = []
    first, last = begin, end
    for bits in _LEVELS[:-1]:
        inner_first, inner_last = (first + 255) >> _BITS, ((last + 1) >> _BITS) - 1
        if inner_first > inner_last:
            return [*found, (bits, first, last)]
        found += [(bits, first, (inner_first << _BITS) - 1), (bits, (inner_last + 1) << _BITS, last)]
        first, last = inner_first, inner_last
    return [*found, (_LEVELS[-1], first, last)]
