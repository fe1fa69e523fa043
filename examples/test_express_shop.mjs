// Tests of the small shop in Express, beside `storefront sandbox` and `node express_shop.mjs`: `node --test`.
import assert from "node:assert/strict";
import { test } from "node:test";

const SANDBOX = process.env.SANDBOX ?? "http://localhost:8001";
const SHOP = process.env.SHOP ?? "http://localhost:3000";

// One of the sandbox's addresses for testers; with a body it is a POST.
async function sandbox(path, body) {
  const options = body && {
    method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body),
  };
  const reply = await fetch(`${SANDBOX}/_sandbox/${path}`, options);
  assert.ok(reply.ok, await reply.clone().text());
  return reply.json();
}

const shop = async (path, options) => (await fetch(SHOP + path, options)).json();
const ledger = (merchantUid) => sandbox(`ledger?merchant_uid=${merchantUid}`);

// What the shop's page would open the payment window with.
async function order() {
  const page = await (await fetch(`${SHOP}/`)).text();
  return JSON.parse(page.match(/const params = (\{.*\});/)[1]);
}

async function buy(card = "approve") {
  const params = await order();
  const { imp_uid: impUid } = await sandbox("pay", { params, card });
  return shop(`/complete?imp_uid=${impUid}&merchant_uid=${params.merchant_uid}`);
}

test("a payment is believed when i'mport says so", async () => {
  const { merchant_uid: merchantUid, status } = await buy();
  assert.equal(status, "paid");
  assert.equal((await ledger(merchantUid)).net, 9900);
});

test("a declined card pays nothing", async () => {
  const { merchant_uid: merchantUid, status } = await buy("decline-limit");
  assert.equal(status, "failed");
  assert.equal((await ledger(merchantUid)).captured, 0);
});

test("a charge whose answer is lost is paid once", async () => {
  const first = await buy();
  await sandbox("faults", { path: "/subscribe/payments/again", kind: "cut_after" });
  const again = await shop(`/again/${first.merchant_uid}`, { method: "POST" });
  assert.equal(again.status, "paid");
  assert.equal((await ledger(again.merchant_uid)).payments.length, 1);
});
