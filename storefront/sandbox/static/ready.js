/* The frame waits to be told what to pay. It keeps nothing: the window it opens has its own address. */
"use strict";
window.addEventListener("message", function (event) {
  let message;
  try {
    message = JSON.parse(event.data);
  } catch (error) {
    return;
  }
  if (!message || message.action !== "payment" || !message.data) return;
  const isPhone = /\b(iPhone|iPad|iPod)/.test(navigator.userAgent) || /Android|Mobile/i.test(navigator.userAgent);
  const params = Object.assign({}, message.data);
  const requestId = params.request_id || "";
  delete params.request_id;
  const query = new URLSearchParams({
    params: JSON.stringify(params),
    request_id: requestId,
    parent: event.origin,
    device: isPhone ? "mobile" : "pc",
    sdk: document.documentElement.dataset.sdk,
  });
  location.replace("/payments/open?" + query);
});
