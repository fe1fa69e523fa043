/* Buttons that put the text below them onto the clipboard; without this script they are not there. */
"use strict";
function offerCopies() {
  for (const button of document.querySelectorAll("[data-copy][hidden]")) {
    button.hidden = false;
    button.addEventListener("click", async function () {
      await navigator.clipboard.writeText(button.parentElement.nextElementSibling.textContent);
      const said = button.textContent;
      button.textContent = "✓";
      setTimeout(() => (button.textContent = said), 1500);
    });
  }
}
if (navigator.clipboard) {
  offerCopies();
  const list = document.getElementById("lines");
  if (list) new MutationObserver(offerCopies).observe(list, { childList: true });
}
