/* The frame waits to be told what to pay. It keeps nothing: the window it opens has an address of its own.
   The listener stands before the load event, because a request that waited is posted from there. */
"use strict";
const isPhone = /\b(iPhone|iPad|iPod)/.test(navigator.userAgent) || /Android|Mobile/i.test(navigator.userAgent);

window.addEventListener("message", function (event) {
  if (event.source !== window.parent) return;
  let message;
  try {
    message = JSON.parse(event.data);
  } catch (error) {
    return;
  }
  if (!message || message.action !== "payment" || !message.data) return;
  const { request_id: requestId = "", ...params } = message.data;
  const query = new URLSearchParams({
    code: document.documentElement.dataset.code,
    params: JSON.stringify(params),
    request_id: requestId,
    parent: event.origin,
    device: isPhone ? "mobile" : "pc",
    sdk: document.documentElement.dataset.sdk,
  });
  location.replace("/payments/open?" + query);
});
