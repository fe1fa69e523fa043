"""What `docs/take-it-home.md` tells to copy is enough: done as it says, in a folder of its own, beside the sandbox."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, requires
from pathlib import Path

import pytest

from tests.examples.files import EXAMPLES
from tests.people import Sandbox

ROOT = Path(__file__).resolve().parents[2]
WINDOW = {"pg": "jtnet", "merchant_uid": "order-1", "name": "Bag", "amount": 9_900, "customer_uid": "card-1"}


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """Where the reader stands: this project, and nothing of it on the path."""
    ignored = shutil.ignore_patterns("__pycache__", "sandbox", "translations")
    shutil.copytree(ROOT / "storefront", tmp_path / "storefront", ignore=ignored)
    return tmp_path


def take(home: Path, *steps: int) -> None:
    """Type what the page shows under these steps."""
    sections = re.split(r"^## ", (ROOT / "docs" / "take-it-home.md").read_text(), flags=re.MULTILINE)
    for step in steps:
        [section] = [text for text in sections if text.startswith(f"{step}. ")]
        [commands] = re.findall(r"^```console\n(.*?)^```$", section, re.MULTILINE | re.DOTALL)
        subprocess.run(["bash", "-euc", commands], cwd=home, check=True, timeout=60)
    shutil.rmtree(home / "storefront")  # what was forgotten is missed now


def run(home: Path, example: str, story: str, sandbox: Sandbox) -> list[str]:
    """Run a story with an example's names, with the taken package alone; the words it printed."""
    script = home / "story.py"
    script.write_text((EXAMPLES / example).read_text() + "\n\n" + story)
    done = subprocess.run(
        [sys.executable, str(script)],
        cwd=home,
        env=os.environ | {"IMP_API_URL": sandbox.url, "PYTHONPATH": str(home), "no_proxy": "*"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


def test_the_client_alone_charges_and_looks_up_what_was_lost(home: Path, sandbox: Sandbox) -> None:
    """Two charges, the second one's answer cut off; both are paid, once."""
    take(home, 1)
    sandbox.pay(WINDOW | {"amount": 0})
    sandbox.fault("/subscribe/payments/again", "cut_after")
    story = 'for order in (Order(9_900), Order(5_000)):\n    charge(order, "card-1")\n    print(order.status)\n'
    assert run(home, "own_1_client.py", story, sandbox) == ["paid", "paid"]
    assert [payment["amount"] for payment in sandbox.ledger()["payments"]] == [9_900, 5_000]


def test_the_rules_alone_judge_rows_of_ones_own(home: Path, sandbox: Sandbox) -> None:
    """What was ordered is paid, what was forged goes back."""
    take(home, 1, 2)
    paid = sandbox.pay(WINDOW)["imp_uid"]
    forged = sandbox.pay({**WINDOW, "merchant_uid": "order-2"}, charge_amount=100)["imp_uid"]
    story = f"""
from yourshop.iamport import Iamport
import os
iamport = Iamport(os.environ["IMP_API_URL"], "sandbox_key", "sandbox_secret")
for number, imp_uid in (("order-1", "{paid}"), ("order-2", "{forged}")):
    print(take(Order(number, 9_900, Card("card-1")), iamport.payment(imp_uid), has_key=True).replace(" ", "-"))
"""
    assert run(home, "own_2_judge.py", story, sandbox) == ["paid", "give-it-back"]


def test_orders_and_settling_live_without_this_shops_pages(home: Path, sandbox: Sandbox) -> None:
    """A bag is paid in the window, another with the stored card, and reconciling finds nothing amiss."""
    take(home, 3)
    story = """
import requests
from sqlalchemy import select
from yourshop.models import Card, Payment
billing = open_shop(Path("."))
shopper = new_shopper(billing)
params = window_parameters(billing, shopper)
ended = requests.post(f"{os.environ['IMP_API_URL']}/_sandbox/pay", json={"params": params, "card": "approve"}, timeout=30).json()
print(*hear(billing, Door.CALLBACK, ended))
for message in ({"imp_uid": "../x"}, {"merchant_uid": 7}, {"imp_uid": "imp_1", "merchant_uid": "of_another_shop"}):
    print(hear(billing, Door.WEBHOOK, message)[0])
with billing.database.reading() as session:
    card = session.scalars(select(Card)).one()
number = one_more(billing, shopper, card.id, "a-token-of-the-form")
every_five_minutes(billing)
billing.errands.close()
with billing.database.reading() as session:
    print(session.scalars(select(Payment).where(Payment.merchant_uid == number)).one().status)
"""
    assert run(home, "own_3_settle.py", story, sandbox) == ["200", "paid", "400", "400", "200", "paid"]
    assert sandbox.net() == 2 * 18_900


def needed(names: str) -> set[str]:
    """These distributions, and what they need themselves."""
    found, waiting = set(), [name.strip() for name in names.split(",")]
    while waiting:
        name = re.sub(r"[-_.]+", "-", waiting.pop()).lower()
        if name not in found:
            found.add(name)
            with suppress(PackageNotFoundError):
                waiting += [re.split(r"[^\w.-]", line)[0] for line in requires(name) or [] if "extra ==" not in line]
    return found


@pytest.mark.parametrize(
    ("steps", "example"), [((1,), "own_1_client.py"), ((1, 2), "own_2_judge.py"), ((3,), "own_3_settle.py")]
)
def test_nothing_else_is_needed_than_the_page_says(
    home: Path, sandbox: Sandbox, steps: tuple[int, ...], example: str
) -> None:
    """Whoever installs what the table names can import what they took."""
    take(home, *steps)
    page = (ROOT / "docs" / "take-it-home.md").read_text()
    [named] = re.findall(rf"^\| {steps[-1]} \|[^|]*\|[^|]*\|([^|]*)\|", page, re.MULTILINE)
    story = """
import sys
from importlib.metadata import packages_distributions
owners = packages_distributions()
for module in {name.split(".")[0] for name in sys.modules} - {"yourshop", "_distutils_hack"}:
    print(*owners.get(module, ()))
"""
    loaded = {re.sub(r"[-_.]+", "-", name).lower() for name in run(home, example, story, sandbox)}
    assert loaded - needed(named) == set()
