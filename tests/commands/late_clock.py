"""`storefront …` on a machine whose clock is five minutes behind."""

from datetime import timedelta

from storefront import cli
from storefront.clock import SandboxClock

tell = SandboxClock.now
SandboxClock.now = lambda clock: tell(clock) - timedelta(minutes=5)  # type: ignore[method-assign]
cli.main()
