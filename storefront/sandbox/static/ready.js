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
  if (!message || message.action !== "payment" || !message.data || typeof message.data !== "object") return;
  const { request_id: requestId = "", ...params } = message.data;
  const query = new URLSearchParams({
    code: document.documentElement.dataset.code,
    params: JSON.stringify(params),
    device: isPhone ? "mobile" : "pc",
    sdk: document.documentElement.dataset.sdk,
  });
  const address = location.origin + "/payments/open?" + query;
  if (isPhone && tookTheBrowser(address)) return;
  // The answer goes to the page around the frame.
  location.replace(address + "&" + new URLSearchParams({ request_id: requestId, parent: event.origin }));
});

/* A phone's window is a page of its own, if the page around the frame lets it; else it opens in the frame, and its form
   takes the browser along when somebody presses a button. */
function tookTheBrowser(address) {
  try {
    window.top.location.href = address;
    return true;
  } catch (error) {
    return false;
  }
}
