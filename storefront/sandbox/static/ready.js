/* The frame waits to be told what to pay. It keeps nothing: the window it opens has an address of its own.
   The listener stands before the load event, because a request that waited is posted from there. */
"use strict";
const isPhone = /\b(iPhone|iPad|iPod)/.test(navigator.userAgent) || /Android|Mobile/i.test(navigator.userAgent);
const PATIENCE_MS = 3000;

window.addEventListener("message", function (event) {
  if (event.source !== window.parent) return;
  let message;
  try {
    message = JSON.parse(event.data);
  } catch (error) {
    return;
  }
  if (message && message.action === "payment" && message.data && typeof message.data === "object") open(message, event.origin);
});

/* Whether the window may open is known before anybody leaves the page, which is told if it may not. */
async function open(message, merchant) {
  const { request_id: requestId = "", ...params } = message.data;
  const page = String(message.origin || "");
  const query = new URLSearchParams({
    code: document.documentElement.dataset.code,
    params: JSON.stringify(params),
    device: isPhone ? "mobile" : "pc",
    sdk: document.documentElement.dataset.sdk,
    request_id: requestId,
    parent: merchant,
    page: page.startsWith(merchant + "/") ? page : merchant + "/",
  });
  const reply = await fetch("/payments/open?" + query, { headers: { Accept: "application/json" } });
  const answer = reply.ok ? await reply.json() : {};
  if (answer.told) tell(merchant, { action: "done", data: answer.told });
  else if (!answer.window) location.replace("/payments/open?" + query);
  else if (isPhone) leaveThePage(merchant, location.origin + answer.window);
  else location.replace(answer.window);
}

/* A phone's window is a page of its own. A frame may not take its page there, but the page itself sends a form for it;
   if the page's policy forbids that, the window opens in the frame, and its own form takes the browser along. */
function leaveThePage(merchant, address) {
  const form = { formId: "sandbox-window", method: "get", action: address, target: "_top", charset: "utf-8", param: {} };
  tell(merchant, { action: "proxy.post", data: { ...form, pgProvider: "jtnet", custom: {} } });
  setTimeout(() => location.replace(address), PATIENCE_MS);
}

function tell(merchant, message) {
  window.parent.postMessage(JSON.stringify(message), merchant);
}
