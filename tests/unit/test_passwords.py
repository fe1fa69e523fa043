"""How passwords are kept."""

from __future__ import annotations

from werkzeug.security import check_password_hash, generate_password_hash

from storefront.billing import shoppers


def test_signing_in_takes_as_long_for_an_address_nobody_has() -> None:
    """What is compared there is hashed in the same way, and is nobody's password."""
    method = generate_password_hash("a password").partition("$")[0]
    assert shoppers.NOBODYS_HASH.partition("$")[0] == method
    assert not check_password_hash(shoppers.NOBODYS_HASH, "nobody")
