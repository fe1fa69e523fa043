#!/usr/bin/env bash
# A card is registered for 0 won and charged later: the key alone, as in the first half of the JTNet guide.
set -euo pipefail
SANDBOX=${SANDBOX:-http://localhost:8001}
value_of() { sed -E "s/.*\"$1\": *\"([^\"]+)\".*/\1/"; }
token=$(curl -sSf "$SANDBOX/users/getToken" -d imp_key=sandbox_key -d imp_secret=sandbox_secret | value_of access_token)

# The window, without a browser: amount 0, and the name that this card's key shall have.
curl -sSf "$SANDBOX/_sandbox/pay" -d '{"card": "approve", "params": {
  "pg": "jtnet", "pay_method": "card", "merchant_uid": "order-3", "name": "Card", "amount": 0, "customer_uid": "card-2"}}'

# The key is there, with a masked number; the key itself never leaves i'mport.
curl -sSf "$SANDBOX/subscribe/customers/card-2" -H "Authorization: $token"

# Charge it: with the Authorization header and `name`, and no blank after a backslash.
curl -sSf "$SANDBOX/subscribe/payments/again" \
  -H "Authorization: $token" \
  -H "Content-Type: application/json" \
  -d '{"customer_uid": "card-2", "merchant_uid": "order-4", "amount": 9900, "name": "Bag"}'

# Nothing was captured for order-3, 9,900 won for order-4.
curl -sSf "$SANDBOX/_sandbox/ledger"
