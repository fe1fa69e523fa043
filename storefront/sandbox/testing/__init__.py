"""The sandbox as tests see it: what it is asked for, as Python with types, and what it answers."""

from storefront.sandbox.testing.client import IamportSandbox, SandboxClient, SandboxError
from storefront.sandbox.testing.observations import (
    BillingKey,
    Cancel,
    Captured,
    Drained,
    Ledger,
    RestCall,
    ScenarioRun,
    Webhook,
)
from storefront.sandbox.testing.running import running_sandbox

__all__ = [
    "BillingKey",
    "Cancel",
    "Captured",
    "Drained",
    "IamportSandbox",
    "Ledger",
    "RestCall",
    "SandboxClient",
    "SandboxError",
    "ScenarioRun",
    "Webhook",
    "running_sandbox",
]
