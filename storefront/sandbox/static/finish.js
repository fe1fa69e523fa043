/* The end of a window: tells the page around the frame how it ended, in one message to that page's origin only,
   or looks again while the card company has not answered. */
"use strict";
const told = JSON.parse(document.getElementById("told").textContent);
if (told.reload) setTimeout(() => location.reload(), 1000);
else if (told.parent) window.parent.postMessage(JSON.stringify({ action: "done", data: told.data }), told.parent);
