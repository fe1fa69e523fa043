/* Opens the payment window, and goes on when it has closed. It decides nothing: the server asks i'mport. */
"use strict";
const place = document.getElementById("payment");
const button = place.querySelector('[data-action="pay"]');
const statusLine = document.getElementById("status");
const missing = document.getElementById("no-sdk");
const wayOut = document.getElementById("way-out");
const parameters = JSON.parse(document.getElementById("request-pay").textContent);
const csrfToken = document.querySelector('meta[name="csrf-token"]').content;
const TELLING_TRIES = 4;
const ANSWER_MS = 15000;
let isReady = false;
let isOpen = false;
let isLeaving = false;
let watch = null;
let patience = null;

function say(text) {
  statusLine.textContent = text || "";
}

function setBusy(busy) {
  isOpen = busy;
  for (const name of ["aria-busy", "aria-disabled"]) {
    if (busy) button.setAttribute(name, "true");
    else button.removeAttribute(name);
  }
}

function leave(address) {
  isLeaving = true;
  location.assign(address);
}

/* What the server finds when it asks i'mport; "ready" also if nothing was heard. */
async function look() {
  try {
    const reply = await fetch(place.dataset.result, {
      headers: { Accept: "application/json" },
      signal: AbortSignal.timeout(ANSWER_MS),
    });
    if (reply.ok) return (await reply.json()).status;
    return reply.status === 401 ? "signed out" : "ready";
  } catch (error) {
    return "ready";
  }
}

/* Whatever the SDK says, old style or new, only the ids and the error's text are passed on. */
async function tell(answer) {
  say(statusLine.dataset.telling);
  const message = {
    imp_uid: (answer && answer.imp_uid) || null,
    merchant_uid: parameters.merchant_uid,
    error_code: (answer && answer.error_code) || undefined,
    error_msg: (answer && answer.error_msg) || undefined,
  };
  for (let attempt = 0; attempt < TELLING_TRIES; attempt += 1) {
    try {
      const reply = await fetch(place.dataset.complete, {
        method: "POST",
        headers: { "Content-Type": "application/json", "X-CSRFToken": csrfToken, Accept: "application/json" },
        body: JSON.stringify(message),
        signal: AbortSignal.timeout(ANSWER_MS),
      });
      if (reply.ok) return (await reply.json()).redirect;
      break; // the shop has answered; its page will say how the order stands
    } catch (error) {
      await new Promise((resolve) => setTimeout(resolve, 500 * 2 ** attempt));
    }
  }
  return place.dataset.result;
}

function openWindow() {
  say(statusLine.dataset.opening);
  stopWatching();
  watch = new WindowWatch({ onGone: goOn, onStuck: offerWayOut, onLook: leaveIfPaid });
  window.IMP.request_pay(Object.assign({}, parameters), async function (answer) {
    stopWatching();
    isLeaving = true;
    leave(await tell(answer));
  });
}

function stopWatching() {
  if (watch) watch.stop();
  wayOut.hidden = true;
}

/* The window is gone without a word: to the result if there is one, else the button may be pressed again. */
async function goOn() {
  wayOut.hidden = true;
  say(statusLine.dataset.telling);
  const status = await look();
  if (isLeaving) return;
  if (status !== "ready") return leave(place.dataset.result);
  setBusy(false);
  say(statusLine.dataset.again);
  if (document.activeElement === document.body) button.focus();
}

/* While the window stands, a failure may be followed by another card in it. */
async function leaveIfPaid() {
  const status = await look();
  if (!isLeaving && !["ready", "failed"].includes(status)) leave(place.dataset.result);
}

/* Outside of the body, which some SDKs hide or make inert around their window. */
function offerWayOut() {
  document.documentElement.append(wayOut);
  wayOut.hidden = false;
  setBusy(false);
}

wayOut.querySelector("button").addEventListener("click", async function () {
  stopWatching();
  if ((await look()) === "ready") location.reload();
  else leave(place.dataset.result);
});

function getReady() {
  if (isReady || !window.IMP) return isReady;
  try {
    window.IMP.init(place.dataset.code);
  } catch (error) {
    return false; // half of it was blocked
  }
  clearTimeout(patience);
  missing.hidden = true;
  isReady = true;
  if (isOpen) openWindow(); // pressed while the SDK was still on its way
  return true;
}

function getReadyOrSaySo() {
  if (getReady()) return;
  clearTimeout(patience);
  missing.hidden = false;
  if (isOpen) missing.focus(); // so that a second press is answered as well
  setBusy(false);
  say("");
}

function waitForSdk(script) {
  script.addEventListener("load", getReadyOrSaySo); // if it was only a blocker's stand-in
  script.addEventListener("error", getReadyOrSaySo);
  clearTimeout(patience);
  patience = setTimeout(getReadyOrSaySo, PATIENCE_MS);
}

function loadAgain() {
  const script = document.createElement("script");
  script.src = document.getElementById("sdk").src;
  waitForSdk(script);
  document.head.append(script);
}

button.addEventListener("click", function () {
  if (isOpen) return;
  setBusy(true);
  if (isReady) return openWindow();
  say(statusLine.dataset.loading);
  if (!missing.hidden) loadAgain();
});
button.disabled = false; // until somebody listens, a press would be lost

waitForSdk(document.getElementById("sdk"));
getReady();

// Back from the phone's window with the back button: the page may be used again, unless the order has been paid.
window.addEventListener("pageshow", function (event) {
  if (!event.persisted) return;
  stopWatching();
  isLeaving = false;
  goOn();
});
