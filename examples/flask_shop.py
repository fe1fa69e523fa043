"""A small shop that is right about money: the order first, only i'mport believed, no charge sent twice.

`storefront sandbox` beside it, then `flask --app examples/flask_shop run --port 3000`.
"""

import os
import re
import secrets

import requests
from flask import Flask, abort, render_template_string, request

API = os.environ.get("IMP_API_URL", "http://localhost:8001")
SDK = os.environ.get("IMP_SDK_URL", "http://localhost:8001/v1/iamport.js")
KEYS = {"imp_key": "sandbox_key", "imp_secret": "sandbox_secret"}
PRICE = 9_900
PAGE = """<!doctype html><title>Bag</title>
<button id="pay">{{ text }}</button>
<script src="{{ sdk }}"></script>
<script>
  const params = {{ params | tojson }};
  IMP.init("imp00000000");
  document.getElementById("pay").onclick = () => IMP.request_pay(params, ({ imp_uid }) =>
    location.assign(`/complete?imp_uid=${imp_uid ?? ""}&merchant_uid=${params.merchant_uid}`));
</script>"""

app = Flask(__name__)
orders = {}  # in earnest: a database, and written before anything is sent


def iamport(method, path, **fields):
    """What i'mport has to say, or None; that it answers does not mean that anybody has paid."""
    token = requests.post(f"{API}/users/getToken", json=KEYS, timeout=10).json()["response"]["access_token"]
    headers = {"Authorization": token}
    return requests.request(method, API + path, json=fields or None, headers=headers, timeout=30).json()["response"]


def new_order(customer_uid, amount=PRICE):
    """An order number is new for every attempt."""
    merchant_uid = f"order-{secrets.token_hex(10)}"
    orders[merchant_uid] = {"amount": amount, "customer_uid": customer_uid, "status": "ready", "imp_uid": None}
    return merchant_uid


def checkout(shop_url, amount=PRICE):
    """What the page gives `IMP.request_pay`; 0 stores the card and charges nothing."""
    customer_uid = f"card-{secrets.token_hex(10)}"  # the name of this card's key, new for every attempt as well
    merchant_uid = new_order(customer_uid, amount)
    if amount:  # no page can open a window for another amount then
        iamport("POST", "/payments/prepare", merchant_uid=merchant_uid, amount=amount)
    return {
        "pg": "jtnet",
        "pay_method": "card",
        "merchant_uid": merchant_uid,
        "customer_uid": customer_uid,
        "name": "Bag",
        "amount": amount,
        "m_redirect_url": shop_url + "complete",
        "notice_url": shop_url + "webhook",
    }


def settle(payment):
    """Compare a payment that i'mport shows with what was ordered; whatever else was captured goes back."""
    order = orders.get(payment["merchant_uid"])
    if order is None:
        return
    ordered = (order["amount"], "KRW", order["customer_uid"])
    is_as_ordered = (payment["amount"], payment["currency"], payment["customer_uid"]) == ordered
    is_the_only_one = order["imp_uid"] in (None, payment["imp_uid"])
    if payment["status"] == "paid" and not (is_as_ordered and is_the_only_one):
        if payment["amount"] == 0:
            return  # nothing to give back, and a cancel of 0 would mean "everything"
        ids = {"imp_uid": payment["imp_uid"], "checksum": payment["amount"]}
        iamport("POST", "/payments/cancel", **ids, reason="not what was ordered")
    elif is_the_only_one:
        order["status"] = payment["status"]
        order["imp_uid"] = payment["imp_uid"] if payment["status"] == "paid" else order["imp_uid"]


def look_at(imp_uid):
    """A browser or a webhook has named a payment, and that is all we take from it."""
    if isinstance(imp_uid, str) and re.fullmatch("[A-Za-z0-9_-]{1,40}", imp_uid):
        payment = iamport("GET", f"/payments/{imp_uid}?include_sandbox=true")
        if payment:
            settle(payment)


@app.get("/")
def page():
    """Pay for the first bag, and keep the card."""
    params = checkout(request.url_root)
    return render_template_string(PAGE, sdk=SDK, params=params, text="Pay ₩9,900 and keep the card")


@app.get("/register")
def register():
    """Keep the card alone."""
    params = checkout(request.url_root, amount=0)
    return render_template_string(PAGE, sdk=SDK, params=params, text="Keep the card for ₩0")


@app.get("/complete")  # desktop and phone both end here
def complete():
    """The window has closed; how it ended is asked of i'mport."""
    look_at(request.args.get("imp_uid"))
    return status(request.args.get("merchant_uid"))


@app.post("/webhook")
def webhook():
    """Something has changed; what, is asked of i'mport. 200 comes after the change is kept."""
    body = request.get_json(silent=True)
    look_at(body.get("imp_uid") if isinstance(body, dict) else request.form.get("imp_uid"))
    return "", 200


@app.get("/orders/<merchant_uid>")
def status(merchant_uid):
    """How an order stands."""
    if merchant_uid not in orders:
        abort(404)
    if orders[merchant_uid]["imp_uid"] is None:  # what nobody has told us, because it was lost
        found = iamport("GET", f"/payments/findAll/{merchant_uid}")
        for payment in found["list"] if found else []:
            settle(payment)
    return {"merchant_uid": merchant_uid, "status": orders[merchant_uid]["status"]}


@app.post("/again/<merchant_uid>")  # in earnest: for a signed-in shopper, with a token that makes two clicks one charge
def again(merchant_uid):
    """Charge the card that an order has stored."""
    if merchant_uid not in orders or orders[merchant_uid]["status"] != "paid":
        abort(404)
    customer_uid = orders[merchant_uid]["customer_uid"]
    merchant_uid = new_order(customer_uid)
    order = {"customer_uid": customer_uid, "merchant_uid": merchant_uid, "amount": PRICE, "name": "Bag"}
    try:
        payment = iamport("POST", "/subscribe/payments/again", **order)
    except requests.RequestException:
        payment = None  # perhaps it was charged: look it up, and never send it again under another number
    if payment:
        settle(payment)
    return status(merchant_uid)
