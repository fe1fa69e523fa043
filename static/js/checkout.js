/* Opens the payment window and tells the shop that it has closed. It decides nothing: the server asks i'mport. */
"use strict";
const place = document.getElementById("payment");
const button = place.querySelector('[data-action="pay"]');
const statusLine = document.getElementById("status");
const missing = document.getElementById("no-sdk");
const parameters = JSON.parse(document.getElementById("request-pay").textContent);
const csrfToken = document.querySelector('meta[name="csrf-token"]').content;
const SDK_PATIENCE_MS = 8000;
const TELLING_TRIES = 4;
let isReady = false;
let isOpen = false;

function getReady() {
  if (isReady || !window.IMP) return isReady;
  window.IMP.init(place.dataset.code);
  missing.hidden = true;
  isReady = true;
  if (isOpen) openWindow(); // pressed while the SDK was still on its way
  return true;
}

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

function showMissing() {
  if (getReady()) return;
  missing.hidden = false;
  setBusy(false);
  say("");
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
  window.IMP.request_pay(Object.assign({}, parameters), async function (answer) {
    location.assign(await tell(answer));
  });
}

button.addEventListener("click", function () {
  if (isOpen) return;
  setBusy(true);
  if (isReady) openWindow();
  else if (missing.hidden) say(statusLine.dataset.loading);
  else showMissing();
});
button.disabled = false; // until somebody listens, a press would be lost

const sdk = document.getElementById("sdk");
sdk.addEventListener("load", getReady);
sdk.addEventListener("error", showMissing);
setTimeout(showMissing, SDK_PATIENCE_MS);
getReady();

// Back from the phone's window with the back button: the page may be used again.
window.addEventListener("pageshow", function (event) {
  if (event.persisted) {
    setBusy(false);
    say("");
  }
});
