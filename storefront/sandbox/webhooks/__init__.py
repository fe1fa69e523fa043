"""Webhooks: what the merchant is told by itself, when, how often, and what became of it."""

from storefront.sandbox.webhooks.queue import MOST_RESENDS, RemoteTargetError, Webhooks

__all__ = ["MOST_RESENDS", "RemoteTargetError", "Webhooks"]
