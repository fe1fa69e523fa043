#!/usr/bin/env bash
# A card is registered and charged, charged again, and the first payment is given back.
# Everything i'mport really has comes without a prefix; what is under /_sandbox/ is for testers.
set -euo pipefail
SANDBOX=${SANDBOX:-http://localhost:8001}
value_of() { sed -E "s/.*\"$1\": *\"([^\"]+)\".*/\1/"; }

# A token for the pair of keys, half an hour long the same one.
token=$(curl -sSf "$SANDBOX/users/getToken" -d imp_key=sandbox_key -d imp_secret=sandbox_secret | value_of access_token)

# Lock the order's amount, so that no page can open a window for another one.
curl -sSf "$SANDBOX/payments/prepare" -H "Authorization: $token" -d merchant_uid=order-1 -d amount=9900

# The shopper pays in the window (this is what it does, without a browser), and the card is stored as card-1.
imp_uid=$(curl -sSf "$SANDBOX/_sandbox/pay" -d '{"card": "approve", "params": {
  "pg": "jtnet", "merchant_uid": "order-1", "name": "Bag", "amount": 9900, "customer_uid": "card-1"}}' | value_of imp_uid)

# Whatever the browser says, only this counts: merchant_uid, amount and status.
curl -sSf "$SANDBOX/payments/$imp_uid?include_sandbox=true" -H "Authorization: $token"

# Charge the stored card. "code": 0 says that the card company was asked; "status" says whether it paid.
curl -sSf "$SANDBOX/subscribe/payments/again" -H "Authorization: $token" \
  -d customer_uid=card-1 -d merchant_uid=order-2 -d amount=9900 -d name=Bag

# Give the first payment back, by its imp_uid; the checksum is what we believe is left of it.
curl -sSf "$SANDBOX/payments/cancel" -H "Authorization: $token" -d "imp_uid=$imp_uid" -d checksum=9900 -d reason=broken

# What was really captured and cancelled.
curl -sSf "$SANDBOX/_sandbox/ledger"
