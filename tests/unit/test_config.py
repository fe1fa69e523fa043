"""The settings: everything that is wrong is said at once, and no secret is repeated."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from sqlalchemy import make_url

from storefront import config
from storefront.config import Settings, SettingsError

KEYS = {"IMP_CODE": "imp12345678", "IMP_KEY": "1234567890", "IMP_SECRET": "s3cr3t-of-the-shop"}
LIVE = KEYS | {"IMP_LIVE": "on", "SECRET_KEY": "a-long-secret-of-our-own", "PUBLIC_URL": "https://shop.example.com"}
ROOT = Path(__file__).resolve().parents[2]


def load(values: dict[str, str]) -> Settings:
    """Settings of a shop on this machine."""
    return config.load(values, public_url="http://127.0.0.1:8000", folder=Path("/var/shop"))


def problems(values: dict[str, str]) -> list[str]:
    """What has to be mended."""
    with pytest.raises(SettingsError) as caught:
        load(values)
    assert KEYS["IMP_SECRET"] not in str(caught.value)
    return [line.split(":")[0] for line in caught.value.problems]


def test_three_keys_are_enough() -> None:
    """Everything else has a default: i'mport's own addresses, JTNet, no real money."""
    settings = load(KEYS)

    assert settings.imp_api_url == "https://api.iamport.kr"
    assert settings.imp_sdk_url == "https://cdn.iamport.kr/v1/iamport.js"
    assert (settings.imp_pg, settings.imp_live, settings.imp_timeout_s) == ("jtnet", False, 30)
    assert (settings.charge_grace_s, settings.rate_limits) == (600, True)
    assert not settings.beside_sandbox


def test_every_missing_key_is_named_at_once() -> None:
    """Nobody mends one, restarts, and learns of the next."""
    assert problems({}) == ["IMP_CODE", "IMP_KEY", "IMP_SECRET"]
    assert problems({"IMP_KEY": "1", "IMP_CODE": " "}) == ["IMP_CODE", "IMP_SECRET"]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PUBLIC_URL", "shop.example.com"),
        ("PUBLIC_URL", "ftp://shop.example.com"),
        ("PUBLIC_URL", "https://shop.example.com/?x=1"),
        ("PUBLIC_URL", "https://shop.example.com:99999"),
        ("PUBLIC_URL", "https://["),
        ("PUBLIC_URL", "https://..example.com"),
        ("IMP_API_URL", "https://"),
        ("IMP_PG", "nice"),
        ("IMP_PG", "jtnet."),
        ("IMP_LIVE", "maybe"),
        ("RATE_LIMITS", "sometimes"),
        ("RATE_LIMIT_STORAGE", "memcached://localhost"),
        ("RATE_LIMIT_STORAGE", "redis"),
        ("IMP_TIMEOUT", "0"),
        ("IMP_TIMEOUT", "long"),
        ("CHARGE_GRACE", "-1"),
        ("IMP_WEBHOOK_IPS", "52.78.100.19, nowhere"),
        ("TRUSTED_PROXY", "10.0.0.0/8"),
        ("DATABASE_URL", "shop.sqlite"),
        ("DATABASE_URL", "postgres://shop@db.example.com/shop"),
        ("DATABASE_URL", "postgresql+psycopg://shop:s3cr3t-of-the-shop@db.example.com:port/shop"),
    ],
)
def test_a_value_that_does_not_fit_is_named(name: str, value: str) -> None:
    """With what it should be."""
    assert problems(KEYS | {name: value}) == [name]


def test_a_live_shop_takes_its_own_secret_and_https_only() -> None:
    """Example secrets, short ones and http are refused."""
    assert load(LIVE).imp_live
    for secret in ("change-me", "short", ""):
        assert problems(LIVE | {"SECRET_KEY": secret}) == ["SECRET_KEY"]
    for name in ("PUBLIC_URL", "IMP_API_URL", "IMP_SDK_URL"):
        assert problems(LIVE | {name: "http://127.0.0.1:8000"}) == [name]


@pytest.mark.parametrize("published", ["", "change-me", "only-for-the-demo-on-this-machine"])
def test_a_key_that_everybody_knows_is_as_good_as_none(published: str) -> None:
    """The shop makes its own then, and keeps it beside its database."""
    settings = load(KEYS | {"SECRET_KEY": published})

    assert settings.secret_key == ""
    assert settings.secret_key_file == Path("/var/shop/secret_key")
    assert load(KEYS | {"SECRET_KEY": "a-long-secret-of-our-own"}).secret_key == "a-long-secret-of-our-own"


@pytest.mark.parametrize(
    ("database_url", "file"),
    [
        ("sqlite:////srv/data/orders.sqlite", "/srv/data/secret_key"),
        ("postgresql+psycopg://shop@db.example.com/shop", "/var/shop/secret_key"),
        ("sqlite://", "/var/shop/secret_key"),
    ],
)
def test_the_shops_own_key_lies_beside_the_database_where_that_is_a_file(database_url: str, file: str) -> None:
    """Else in the folder that the shop has for itself."""
    assert load(KEYS | {"DATABASE_URL": database_url}).secret_key_file == Path(file)


def test_a_mid_and_a_list_of_senders_can_be_named() -> None:
    """`jtnet.{MID}`, addresses and networks."""
    settings = load(KEYS | {"IMP_PG": "jtnet.tpaytest2m", "IMP_WEBHOOK_IPS": "52.78.100.19, 52.78.48.0/24"})

    assert settings.imp_pg == "jtnet.tpaytest2m"
    assert [str(network) for network in settings.webhook_ips] == ["52.78.100.19/32", "52.78.48.0/24"]


def test_a_webhook_address_is_given_only_where_it_can_be_reached() -> None:
    """The internet does not reach a loopback address; the sandbox beside us does."""
    assert load(KEYS).notice_url is None
    assert load(KEYS | {"IMP_API_URL": "http://localhost:8001"}).notice_url == "http://127.0.0.1:8000/webhooks/iamport"
    public = load(KEYS | {"PUBLIC_URL": "https://shop.example.com/"})
    assert public.notice_url == "https://shop.example.com/webhooks/iamport"
    assert public.return_url == "https://shop.example.com/payments/complete/mobile"


def test_settings_do_not_print_their_secrets() -> None:
    """Not in a log, not in an exception."""
    shown = repr(load(LIVE))

    assert not any(secret in shown for secret in (KEYS["IMP_KEY"], KEYS["IMP_SECRET"], LIVE["SECRET_KEY"]))


def test_the_environment_beats_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`.env` is for a machine, the environment for one start."""
    (tmp_path / ".env").write_text("IMP_CODE=imp_file\nIMP_KEY=key_file\n")
    monkeypatch.setenv("IMP_CODE", "imp_environment")
    monkeypatch.delenv("IMP_KEY", raising=False)

    values = config.environment(tmp_path)

    assert (values["IMP_CODE"], values["IMP_KEY"]) == ("imp_environment", "key_file")


@pytest.mark.parametrize("encoding", ["utf-16", "cp949"])
def test_a_settings_file_that_is_not_utf_8_is_named(tmp_path: Path, encoding: str) -> None:
    """As some editors write it."""
    (tmp_path / ".env").write_text("# 아침\nIMP_CODE=imp12345678\n", encoding=encoding)

    with pytest.raises(SettingsError, match=r"\.env: save it as UTF-8"):
        config.environment(tmp_path)


@pytest.mark.parametrize("name", ["a?b", "a%20b", "a%2Fb", "a#b", "내 가게"])
def test_the_database_is_in_the_folder_that_was_named(tmp_path: Path, name: str) -> None:
    """Whatever that is called: in an address some signs mean something else."""
    settings = config.load(KEYS, public_url="http://127.0.0.1:8000", folder=tmp_path / name)

    assert make_url(settings.database_url).database == str(tmp_path / name / "shop.sqlite")


def test_the_example_file_lists_exactly_the_settings_that_are_read() -> None:
    """Each with a comment above it."""
    source = (ROOT / "storefront" / "config.py").read_text()
    read = set(re.findall(r'reader\.\w+\("([A-Z_]+)"', source))
    lines = (ROOT / ".env.example").read_text().splitlines()
    listed = {line.split("=")[0] for line in lines if re.match(r"[A-Z_]+=", line)}

    assert listed == read


def test_the_example_file_alone_starts_the_sandbox(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Copying it changes nothing for the worse."""
    (tmp_path / ".env").write_text((ROOT / ".env.example").read_text())
    for name in KEYS:
        monkeypatch.delenv(name, raising=False)

    values = config.environment(tmp_path)

    assert not config.has_keys(values)
    assert load(values | KEYS).rate_limits


@pytest.mark.parametrize(
    "url", ["mail.example.com", "http://mail.example.com", "smtp://", "smtp://mail.example.com:port", "smtp://[mail"]
)
def test_a_mail_server_is_an_address_of_one(url: str) -> None:
    """Found out at the start, not with the first receipt."""
    assert problems(KEYS | {"MAIL_URL": url, "MAIL_FROM": "hello@example.com"}) == ["MAIL_URL"]


@pytest.mark.parametrize("sender", ["", "hello", "Morning Roast"])
def test_a_mail_server_needs_a_sender(sender: str) -> None:
    """No server takes a mail from nobody."""
    assert problems(KEYS | {"MAIL_URL": "smtp://mail.example.com", "MAIL_FROM": sender}) == ["MAIL_FROM"]
