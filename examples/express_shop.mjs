// A small shop that is right about money: the order first, only i'mport believed, no charge sent twice.
// `storefront sandbox` beside it, then, in this folder, `npm install` and `node express_shop.mjs`.
import { randomBytes } from "node:crypto";
import express from "express";

const API = process.env.IMP_API_URL ?? "http://localhost:8001";
const SDK = process.env.IMP_SDK_URL ?? "http://localhost:8001/v1/iamport.js";
const KEYS = { imp_key: "sandbox_key", imp_secret: "sandbox_secret" };
const PRICE = 9900;
const orders = new Map(); // in earnest: a database, and written before anything is sent

async function call(method, path, fields, headers) {
  const reply = await fetch(API + path, {
    method,
    headers: { "Content-Type": "application/json", ...headers },
    body: fields && JSON.stringify(fields),
    signal: AbortSignal.timeout(30_000),
  });
  return (await reply.json()).response;
}

// What i'mport has to say, or null; that it answers does not mean that anybody has paid.
async function iamport(method, path, fields) {
  const { access_token: token } = await call("POST", "/users/getToken", KEYS);
  return call(method, path, fields, { Authorization: token });
}

// An order number is new for every attempt.
function newOrder(customerUid, amount = PRICE) {
  const merchantUid = `order-${randomBytes(10).toString("hex")}`;
  orders.set(merchantUid, { amount, customerUid, status: "ready", impUid: null });
  return merchantUid;
}

// Compare a payment that i'mport shows with what was ordered; whatever else was captured goes back.
async function settle(payment) {
  const order = orders.get(payment.merchant_uid);
  if (!order) return;
  const isAsOrdered =
    payment.amount === order.amount && payment.currency === "KRW" && payment.customer_uid === order.customerUid;
  const isTheOnlyOne = [null, payment.imp_uid].includes(order.impUid);
  if (payment.status === "paid" && !(isAsOrdered && isTheOnlyOne)) {
    if (payment.amount === 0) return; // nothing to give back, and a cancel of 0 would mean "everything"
    const ids = { imp_uid: payment.imp_uid, checksum: payment.amount };
    await iamport("POST", "/payments/cancel", { ...ids, reason: "not what was ordered" });
  } else if (isTheOnlyOne) {
    order.status = payment.status;
    if (payment.status === "paid") order.impUid = payment.imp_uid;
  }
}

// A browser or a webhook has named a payment, and that is all we take from it.
async function lookAt(impUid) {
  if (typeof impUid !== "string" || !/^[A-Za-z0-9_-]{1,40}$/.test(impUid)) return;
  const payment = await iamport("GET", `/payments/${impUid}?include_sandbox=true`);
  if (payment) await settle(payment);
}

async function tell(merchantUid, response) {
  const order = orders.get(merchantUid);
  if (!order) return response.sendStatus(404);
  if (order.impUid === null) {
    const found = await iamport("GET", `/payments/findAll/${merchantUid}`); // what was lost on its way to us
    for (const payment of found?.list ?? []) await settle(payment);
  }
  return response.json({ merchant_uid: merchantUid, status: order.status });
}

const app = express().use(express.json(), express.urlencoded());

// What the page gives `IMP.request_pay`; 0 stores the card and charges nothing.
async function openPage(request, response, amount, text) {
  const shop = `${request.protocol}://${request.get("host")}`;
  const customerUid = `card-${randomBytes(10).toString("hex")}`;
  const merchantUid = newOrder(customerUid, amount);
  // No page can open a window for another amount then.
  if (amount) await iamport("POST", "/payments/prepare", { merchant_uid: merchantUid, amount });
  const params = {
    pg: "jtnet", pay_method: "card", merchant_uid: merchantUid, customer_uid: customerUid, name: "Bag",
    amount, m_redirect_url: `${shop}/complete`, notice_url: `${shop}/webhook`,
  };
  response.send(`<!doctype html><title>Bag</title>
    <button id="pay">${text}</button>
    <script src="${SDK}"></script>
    <script>
      const params = ${JSON.stringify(params).replaceAll("<", "\\u003c")};
      IMP.init("imp00000000");
      document.getElementById("pay").onclick = () => IMP.request_pay(params, ({ imp_uid }) =>
        location.assign("/complete?imp_uid=" + (imp_uid ?? "") + "&merchant_uid=" + params.merchant_uid));
    </script>`);
}

app.get("/", (request, response) => openPage(request, response, PRICE, "Pay ₩9,900 and keep the card"));
app.get("/register", (request, response) => openPage(request, response, 0, "Keep the card for ₩0"));

app.get("/complete", async (request, response) => { // desktop and phone both end here
  await lookAt(request.query.imp_uid);
  await tell(request.query.merchant_uid, response);
});

app.post("/webhook", async (request, response) => {
  await lookAt(request.body?.imp_uid);
  response.sendStatus(200);
});

app.get("/orders/:merchantUid", (request, response) => tell(request.params.merchantUid, response));

// In earnest: for a signed-in shopper, with a token that makes two clicks one charge.
app.post("/again/:merchantUid", async (request, response) => {
  const first = orders.get(request.params.merchantUid);
  if (first?.status !== "paid") return response.sendStatus(404);
  const merchantUid = newOrder(first.customerUid);
  const order = { customer_uid: first.customerUid, merchant_uid: merchantUid, amount: PRICE, name: "Bag" };
  // If the answer is lost it was perhaps charged: look it up, and never send it again under another number.
  const payment = await iamport("POST", "/subscribe/payments/again", order).catch(() => null);
  if (payment) await settle(payment);
  return tell(merchantUid, response);
});

app.listen(process.env.PORT ?? 3000, process.env.HOST ?? "127.0.0.1");
