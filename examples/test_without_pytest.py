"""The sandbox without pytest: in `unittest`, or as a block. `python -m unittest test_without_pytest`."""

from storefront.sandbox.testing import running_sandbox
from storefront.sandbox.testing.test_case import SandboxTestCase


class TestPayments(SandboxTestCase):  # of `unittest`; mix it into Django's TestCase as well
    def test_a_window_is_paid(self):
        self.iamport_sandbox.pay({"pg": "jtnet", "merchant_uid": "order-1", "amount": 9_900, "name": "Bag"})
        self.assertEqual(self.iamport_sandbox.ledger().net, 9_900)


if __name__ == "__main__":
    with running_sandbox() as sandbox:
        print(sandbox.url)
