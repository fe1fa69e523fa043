"""The tables of the sandbox's file, and the step that brings a file of an earlier version to them."""

from __future__ import annotations

import sqlite3

from storefront.sandbox.books import tally

VERSION = 5
"""Counts up when a file needs a step; kept in the file as `user_version`."""

NAMES = (
    "setting",
    "token",
    "prepared",
    "payment",
    "tally",
    "cancel",
    "billing_key",
    "schedule",
    "webhook",
    "fault",
    "request",
    "mention",
    "event",
    "opened_window",
    "scenario",
    "scenario_run",
)

_TABLES = """
CREATE TABLE IF NOT EXISTS setting (name TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS token (value TEXT PRIMARY KEY, expired_at INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS prepared (merchant_uid TEXT PRIMARY KEY, amount INTEGER NOT NULL, currency TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS payment (
  id INTEGER PRIMARY KEY, imp_uid TEXT NOT NULL UNIQUE, merchant_uid TEXT NOT NULL, customer_uid TEXT, name TEXT,
  status TEXT NOT NULL, amount INTEGER NOT NULL, cancel_amount INTEGER NOT NULL DEFAULT 0, currency TEXT NOT NULL,
  channel TEXT NOT NULL, usage TEXT, started_at INTEGER NOT NULL, paid_at INTEGER NOT NULL DEFAULT 0,
  failed_at INTEGER NOT NULL DEFAULT 0, cancelled_at INTEGER NOT NULL DEFAULT 0, updated_at INTEGER NOT NULL,
  details TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS payment_order ON payment (merchant_uid, id);
CREATE INDEX IF NOT EXISTS payment_key ON payment (customer_uid, id);
CREATE INDEX IF NOT EXISTS payment_started ON payment (started_at, id);
CREATE INDEX IF NOT EXISTS payment_status_started ON payment (status, started_at, id);
CREATE INDEX IF NOT EXISTS payment_paid ON payment (paid_at, id) WHERE status = 'paid';
CREATE INDEX IF NOT EXISTS payment_cancelled ON payment (cancelled_at, id) WHERE status = 'cancelled';
CREATE INDEX IF NOT EXISTS payment_failed ON payment (failed_at, id) WHERE status = 'failed';
CREATE TABLE IF NOT EXISTS cancel (
  id INTEGER PRIMARY KEY, imp_uid TEXT NOT NULL, amount INTEGER NOT NULL, at INTEGER NOT NULL, reason TEXT NOT NULL,
  cancellation_id TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS cancel_payment ON cancel (imp_uid, id);
CREATE TABLE IF NOT EXISTS billing_key (
  id INTEGER PRIMARY KEY, customer_uid TEXT NOT NULL, behaviour TEXT NOT NULL, card_code TEXT NOT NULL,
  card_name TEXT NOT NULL, card_number TEXT NOT NULL, captures INTEGER NOT NULL DEFAULT 0, inserted INTEGER NOT NULL,
  updated INTEGER NOT NULL, deleted_at INTEGER, details TEXT NOT NULL
);
CREATE UNIQUE INDEX IF NOT EXISTS billing_key_name ON billing_key (customer_uid) WHERE deleted_at IS NULL;
CREATE TABLE IF NOT EXISTS schedule (
  id INTEGER PRIMARY KEY, merchant_uid TEXT NOT NULL, customer_uid TEXT NOT NULL, imp_uid TEXT,
  schedule_at INTEGER NOT NULL, executed_at INTEGER NOT NULL DEFAULT 0, revoked_at INTEGER NOT NULL DEFAULT 0,
  amount INTEGER NOT NULL, payment_status TEXT, fail_reason TEXT, details TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS schedule_due ON schedule (executed_at, revoked_at, schedule_at);
CREATE INDEX IF NOT EXISTS schedule_order ON schedule (merchant_uid, id);
CREATE INDEX IF NOT EXISTS schedule_key ON schedule (customer_uid, schedule_at);
CREATE TABLE IF NOT EXISTS webhook (
  id INTEGER PRIMARY KEY, at INTEGER NOT NULL, url TEXT NOT NULL, body TEXT NOT NULL, state TEXT NOT NULL,
  due REAL NOT NULL DEFAULT 0, attempts TEXT NOT NULL DEFAULT '[]', reason TEXT
);
CREATE INDEX IF NOT EXISTS webhook_state ON webhook (state, id);
CREATE TABLE IF NOT EXISTS fault (
  id INTEGER PRIMARY KEY, path TEXT NOT NULL, method TEXT, kind TEXT NOT NULL, status INTEGER NOT NULL,
  seconds REAL NOT NULL, times INTEGER NOT NULL, left INTEGER NOT NULL, probability REAL NOT NULL DEFAULT 1
);
CREATE TABLE IF NOT EXISTS request (
  id INTEGER PRIMARY KEY, at REAL NOT NULL, method TEXT NOT NULL, path TEXT NOT NULL, body TEXT NOT NULL,
  status INTEGER NOT NULL, code INTEGER, fault TEXT, ms REAL NOT NULL, peer TEXT NOT NULL, query TEXT,
  rule TEXT, document TEXT, reply TEXT, target TEXT
);
CREATE INDEX IF NOT EXISTS request_path ON request (path, id);
CREATE TABLE IF NOT EXISTS mention (
  thing TEXT NOT NULL, kind TEXT NOT NULL, row INTEGER NOT NULL, PRIMARY KEY (thing, kind, row)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS event (
  id INTEGER PRIMARY KEY, at REAL NOT NULL, kind TEXT NOT NULL, facts TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS event_kind ON event (kind, at);
CREATE INDEX IF NOT EXISTS payment_sums ON payment (paid_at, amount, cancel_amount);
CREATE TABLE IF NOT EXISTS opened_window (
  id TEXT PRIMARY KEY, at INTEGER NOT NULL, request TEXT NOT NULL, result TEXT
);
CREATE TABLE IF NOT EXISTS scenario (name TEXT PRIMARY KEY, document TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS scenario_run (
  id INTEGER PRIMARY KEY, name TEXT NOT NULL, at INTEGER NOT NULL, result TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS scenario_run_name ON scenario_run (name, id);
"""

_REPLACED = """
DROP INDEX IF EXISTS payment_status_paid;
DROP INDEX IF EXISTS payment_status_cancelled;
DROP INDEX IF EXISTS payment_status_failed;
"""


_ADDED = {
    "request": {"query": "TEXT", "rule": "TEXT", "document": "TEXT", "reply": "TEXT", "target": "TEXT"},
    "webhook": {"reason": "TEXT"},
    "fault": {"probability": "REAL NOT NULL DEFAULT 1"},
}
"""Columns that came after their table."""


def upgrade(connection: sqlite3.Connection) -> None:
    """Make the tables, or bring those of an earlier version up to date; all of it or nothing."""
    [version] = connection.execute("PRAGMA user_version").fetchone()
    if version < VERSION:
        counts = tally.SCHEMA if version < 1 else ""  # it counts what is there, so once
        step = f"{_TABLES} {_REPLACED} {_additions(connection)} {counts} PRAGMA user_version = {VERSION};"
        connection.executescript(f"BEGIN IMMEDIATE; {step} COMMIT;")


def _additions(connection: sqlite3.Connection) -> str:
    """Columns that a file has to be given; a new one gets them with its tables."""
    steps = []
    for table, columns in _ADDED.items():
        there = {name for _, name, *_ in connection.execute(f"PRAGMA table_info({table})")}
        missing = {name: kind for name, kind in columns.items() if there and name not in there}
        steps += [f"ALTER TABLE {table} ADD COLUMN {name} {kind};" for name, kind in missing.items()]
    return " ".join(steps)
