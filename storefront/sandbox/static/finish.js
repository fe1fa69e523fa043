/* Tells the page that opened the window how it ended: one message, to that page's origin only. */
"use strict";
const finished = JSON.parse(document.getElementById("result").textContent);
if (finished.parent) window.parent.postMessage(JSON.stringify({ action: "done", data: finished.data }), finished.parent);
