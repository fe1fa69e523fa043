"""`storefront doctor`: a shop that is well, and the ways in which one is not."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from io import BytesIO
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import pytest
import requests
from click.testing import CliRunner
from flask import Flask
from requests.adapters import HTTPAdapter

from storefront import create_billing, schema
from storefront.billing import Billing
from storefront.billing.reconciling import reconciliation
from storefront.clock import Clock
from storefront.config import Settings
from storefront.doctor import checks
from storefront.doctor.checklist import LINES, judge
from storefront.doctor.checks import CHECKS, IMPORTS_SENDERS, Finding, State
from storefront.doctor.command import doctor
from storefront.doctor.outside import Reply
from storefront.iamport import Iamport
from storefront.sandbox import SandboxSettings, create_sandbox
from tests.commands.test_commands import command
from tests.people import Sandbox
from tests.servers import keys_for, storefront
from tests.wsgi import session_for

ROOT = Path(__file__).resolve().parents[2]
PUBLIC = "https://coffee.example.com"


class Internet:
    """How the shop is seen from outside; a test changes what is wrong with it."""

    def __init__(self) -> None:
        self.health: Reply | None = Reply(200, {"status": "ok"})
        self.webhook: Reply | None = Reply(200, {"status": "ok"})
        self.ends = datetime.now(UTC) + timedelta(days=60)

    def get(self, address: str) -> Reply:
        """Whoever answers at the shop's address."""
        assert address.endswith("/healthz")
        return self._given(self.health)

    def post(self, address: str, body: dict[str, str]) -> Reply:
        """Whoever answers at the webhook's."""
        assert address.endswith("/webhooks/iamport")
        assert set(body) == {"imp_uid", "merchant_uid", "status"}
        return self._given(self.webhook)

    def certificate_ends(self, _address: str) -> datetime:
        """In two months, unless it was not renewed."""
        return self.ends

    def _given(self, reply: Reply | None) -> Reply:
        if reply is None:
            raise ConnectionRefusedError
        return reply


class Says(HTTPAdapter):
    """An i'mport that answers one look-up with what a test makes up."""

    def __init__(self, response: Any) -> None:
        super().__init__()
        self._response = response

    def send(self, request: requests.PreparedRequest, *_arguments: Any, **_options: Any) -> requests.Response:
        """The envelope around it."""
        reply = requests.Response()
        reply.status_code, reply.request = 200, request
        reply.raw = BytesIO(json.dumps({"code": 0, "message": None, "response": self._response}).encode())
        return reply


class Clinic:
    """A public shop that is well, to be made ill in one way."""

    def __init__(self, settings: Settings, sandbox_app: Flask) -> None:
        senders = tuple(ip_network(one) for one in IMPORTS_SENDERS)
        self.settings = replace(settings, public_url=PUBLIC, imp_live=True, webhook_ips=senders)
        self.internet = Internet()
        self.clock = Clock()
        self.session = session_for(sandbox_app)
        self.forget_to_look = False
        self.leaving = ExitStack()

    def findings(self) -> dict[str, Finding]:
        """What the doctor finds."""
        settings = self.settings
        gateway = Iamport(
            settings.imp_api_url, settings.imp_key, settings.imp_secret, session=self.session, clock=self.clock
        )
        billing = create_billing(settings, clock=self.clock, gateway=gateway)
        with closing(billing.database):
            if not self.forget_to_look:
                reconciliation.reconcile(billing)
            return {one.name: one for one in checks.look_at(billing, self.internet)}  # type: ignore[arg-type]


@pytest.fixture
def clinic(settings: Settings, sandbox_app: Flask, tmp_path: Path) -> Iterator[Clinic]:
    """With its database in the newest schema."""
    clinic = Clinic(replace(settings, database_url=f"sqlite:///{tmp_path / 'well.sqlite'}"), sandbox_app)
    billing: Billing = create_billing(clinic.settings)
    with closing(billing.database):
        schema.upgrade(billing.database)
    with clinic.leaving:
        yield clinic


def test_of_a_shop_that_is_well_nothing_is_broken(clinic: Clinic) -> None:
    """Beside the sandbox only what a real account must settle is left."""
    findings = clinic.findings()
    assert list(findings) == list(CHECKS)
    assert {name for name, one in findings.items() if one.state is State.YOURS} == {"account", "mail"}
    assert [one for one in findings.values() if one.state is State.BROKEN] == []


def _wrong_pair(clinic: Clinic) -> None:
    clinic.settings = replace(clinic.settings, imp_secret="another_secret")
    clinic.forget_to_look = True


def _silent_gateway(clinic: Clinic) -> None:
    clinic.session = requests.Session()
    clinic.session.trust_env = False
    clinic.settings = replace(clinic.settings, imp_api_url="http://127.0.0.1:9")
    clinic.forget_to_look = True


def _clock_behind(clinic: Clinic) -> None:
    clinic.clock.advance(timedelta(minutes=3))


def _account_with(clinic: Clinic, **switches: Any) -> None:
    """Another account at i'mport."""
    app = create_sandbox(SandboxSettings(background=False, **switches))
    clinic.leaving.callback(app.extensions["sandbox"].close)
    clinic.session = session_for(app)


def _no_such_mid(clinic: Clinic) -> None:
    clinic.settings = replace(clinic.settings, imp_pg="jtnet.nobodys")


def _no_such_channel(clinic: Clinic) -> None:
    clinic.settings = replace(clinic.settings, imp_channel_key="channel-key-of-nobody")


def _test_mode(clinic: Clinic) -> None:
    _account_with(clinic, test_channel=True)


def _no_https(clinic: Clinic) -> None:
    clinic.settings = replace(clinic.settings, public_url="http://coffee.example.com")


def _nobody_there(clinic: Clinic) -> None:
    clinic.internet.health = None


def _somebody_else_there(clinic: Clinic) -> None:
    clinic.internet.health = Reply(200, None)


def _old_certificate(clinic: Clinic) -> None:
    clinic.internet.ends = datetime.now(UTC) + timedelta(days=3)


def _webhook_redirected(clinic: Clinic) -> None:
    clinic.internet.webhook = Reply(301, None)


def _one_sender_missing(clinic: Clinic) -> None:
    clinic.settings = replace(clinic.settings, webhook_ips=(ip_network(IMPORTS_SENDERS[0]),))


def _no_database(clinic: Clinic) -> None:
    clinic.settings = replace(clinic.settings, database_url=f"sqlite:///{ROOT / 'docs'}")  # a folder
    clinic.forget_to_look = True


def _no_database_yet(clinic: Clinic) -> None:
    clinic.settings = replace(clinic.settings, database_url="sqlite:///nowhere.sqlite")
    clinic.forget_to_look = True


def _old_schema(clinic: Clinic) -> None:
    with closing(create_billing(clinic.settings).database) as database:
        schema.downgrade(database, "0001")
    clinic.forget_to_look = True


def _nobody_looks(clinic: Clinic) -> None:
    clinic.forget_to_look = True


def _mail_refused(clinic: Clinic) -> None:
    clinic.settings = replace(clinic.settings, mail_url="smtp://127.0.0.1:9", mail_from="shop@example.com")


ILLS: dict[str, tuple[Callable[[Clinic], None], str]] = {
    "the wrong pair of keys": (_wrong_pair, "keys"),
    "i'mport out of reach": (_silent_gateway, "keys"),
    "a clock that is off": (_clock_behind, "clock"),
    "a MID that the account has not": (_no_such_mid, "JTNet"),
    "a channel key that the account has not": (_no_such_channel, "JTNet"),
    "a contract in test mode": (_test_mode, "JTNet"),
    "no https": (_no_https, "address"),
    "nobody at the address": (_nobody_there, "address"),
    "somebody else at the address": (_somebody_else_there, "address"),
    "a certificate that ends": (_old_certificate, "certificate"),
    "a webhook address that redirects": (_webhook_redirected, "webhook"),
    "a sender kept out": (_one_sender_missing, "senders"),
    "no database": (_no_database, "database"),
    "no database yet": (_no_database_yet, "database"),
    "an old schema": (_old_schema, "schema"),
    "nobody who looks": (_nobody_looks, "last look"),
    "a mail server that refuses": (_mail_refused, "mail"),
}


@pytest.mark.parametrize("ill", ILLS)
def test_what_is_broken_is_named_with_the_next_step(clinic: Clinic, ill: str) -> None:
    """And its secrets are not."""
    make_ill, name = ILLS[ill]
    make_ill(clinic)
    findings = clinic.findings()
    assert findings[name].state is State.BROKEN
    assert findings[name].next
    assert not Path("nowhere.sqlite").exists()  # looking makes nothing
    told = " ".join(one.says + one.next for one in findings.values())
    assert clinic.settings.imp_secret not in told
    assert clinic.settings.secret_key not in told


def test_among_several_settings_the_recurring_one_has_to_be_named(clinic: Clinic) -> None:
    """By its MID or by its channel key; which one that is, only the merchant knows."""
    _account_with(clinic, general_pg_id="general")
    unnamed = clinic.findings()["JTNet"]
    assert unnamed.state is State.YOURS
    assert f"general, {SandboxSettings().pg_id}" in unnamed.says

    clinic.settings = replace(clinic.settings, imp_pg=f"jtnet.{SandboxSettings().pg_id}")
    assert clinic.findings()["JTNet"].state is State.OK
    clinic.settings = replace(clinic.settings, imp_pg="jtnet", imp_channel_key=SandboxSettings().channel_key)
    assert clinic.findings()["JTNet"].state is State.OK


def test_a_contract_in_test_mode_is_well_before_real_money_moves(clinic: Clinic) -> None:
    """The shop takes its payments then."""
    _test_mode(clinic)
    clinic.settings = replace(clinic.settings, imp_live=False)
    assert clinic.findings()["JTNet"].state is State.OK


def test_other_companies_and_other_uses_are_no_window_of_jtnets(clinic: Clinic) -> None:
    """Nothing else in the account is taken for it, and what cannot be read is no answer."""
    setting = {"pg_provider": "jtnet", "pg_id": "tpay", "sandbox": False, "type": "payment"}
    lists: list[tuple[Any, State]] = [
        ([setting], State.OK),
        ([{**setting, "pg_provider": "html5_inicis"}], State.BROKEN),
        ([{**setting, "type": "certification"}], State.BROKEN),
        ([], State.BROKEN),
        (None, State.BROKEN),
        ([{"pg_provider": "jtnet"}], State.BROKEN),
        ("none", State.BROKEN),
    ]
    for listed, state in lists:
        clinic.session.mount(f"{clinic.settings.imp_api_url}/users/pg", Says(listed))
        assert clinic.findings()["JTNet"].state is state, listed


def test_the_doctor_moves_no_money_and_changes_no_order(clinic: Clinic, sandbox: Sandbox) -> None:
    """It looks an order up that is nobody's."""
    clinic.forget_to_look = True
    clinic.findings()
    asked = {(call["method"], re.sub(r"doctor-.*", "", call["path"])) for call in sandbox.requests()}
    assert asked == {("POST", "/users/getToken"), ("GET", "/payments/findAll/"), ("GET", "/users/pg")}


def test_every_line_of_the_checklist_is_proved_checked_or_somebodys() -> None:
    """Twenty lines; the tests that prove one exist, and so do the checks."""
    written = {
        name
        for path in (ROOT / "tests").rglob("test_*.py")
        for name in re.findall(r"^def (test_\w+)", path.read_text(), re.MULTILINE)
    }
    assert len(LINES) == 20
    for line in LINES:
        assert line.tests or line.checks or line.next, line.text
        assert set(line.tests) <= written, line.text
        assert set(line.checks) <= set(CHECKS), line.text


def test_a_line_is_broken_if_a_check_of_it_is() -> None:
    """The second one is about the webhook's address."""
    [broken] = [one.number for one in judge([Finding("webhook", State.BROKEN, "")]) if one.state is State.BROKEN]
    assert broken == 2


def test_the_command_beside_the_sandbox(tmp_path: Path) -> None:
    """0, and only a real account's lines are left."""
    with storefront(tmp_path, "sandbox", "--port", "0") as beside:
        settings = keys_for(beside.urls["sandbox"])
        assert command(tmp_path, "db", "upgrade", **settings).returncode == 0
        assert command(tmp_path, "reconcile", **settings).returncode == 0
        well = command(tmp_path, "doctor", "--json", **settings)
        told: dict[str, Any] = json.loads(well.stdout)
        assert (well.returncode, told["ok"], len(told["checklist"])) == (0, True, 20), well.stdout + well.stderr
        left = {one["name"] for one in told["checks"] if one["state"] != "ok"}
        assert left == {"account", "address", "certificate", "webhook", "senders", "mail"}


def test_a_missing_setting_is_said_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By name, with nothing else looked at; the command ends with 1."""
    for name in ("IMP_CODE", "IMP_SECRET"):
        monkeypatch.setenv(name, "imp00000000")
    monkeypatch.delenv("IMP_KEY", raising=False)
    monkeypatch.chdir(tmp_path)
    said = CliRunner().invoke(doctor)
    assert said.exit_code == 1
    assert said.output.startswith("BROKEN settings: IMP_KEY: missing")
    assert "keys: not looked at" in said.output
