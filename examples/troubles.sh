#!/usr/bin/env bash
# Faults and time.
set -euo pipefail
SANDBOX=${SANDBOX:-http://localhost:8001}

# The answer of the next charge is lost after the work: it has to be looked up, not charged again.
curl -sSf "$SANDBOX/_sandbox/faults" -d '{"path": "/subscribe/payments/again", "kind": "cut_after"}'

# The next webhook comes twice.
curl -sSf "$SANDBOX/_sandbox/faults" -d '{"path": "webhook", "kind": "repeat"}'

# A month passes; what was scheduled is charged on its day.
curl -sSf "$SANDBOX/_sandbox/clock" -d '{"advance": 2592000}'

# What a shop asked and what it was told; what the shop was told without asking.
curl -sSf "$SANDBOX/_sandbox/requests"
curl -sSf "$SANDBOX/_sandbox/webhooks"

# As at the start.
curl -sSf -X POST "$SANDBOX/_sandbox/reset"
