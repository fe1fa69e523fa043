/* Small comforts of ordinary pages; every page works without them. */
"use strict";
const problems = document.getElementById("errors");
if (problems) problems.focus();

for (const button of document.querySelectorAll("[data-print]")) {
  button.hidden = false;
  button.addEventListener("click", () => window.print());
}

// Another language or theme shows the page anew, with what was typed: but no password, and no box, which is to be ticked
// under words that one has read.
const typed = document.querySelectorAll("main input:not([type=hidden], [type=password], [type=checkbox]), main select");
const drawer = "typed " + location.pathname;
for (const link of document.querySelectorAll(".mr-lang a, .mr-theme a")) {
  link.addEventListener("click", function () {
    const kept = [...typed].map(({ name, value, checked }) => ({ name, value, checked }));
    sessionStorage.setItem(drawer, JSON.stringify(kept));
  });
}
JSON.parse(sessionStorage.getItem(drawer) || "[]").forEach(function (kept, index) {
  const field = typed[index];
  if (!field || field.name !== kept.name) return;
  if (field.type === "radio") field.checked = kept.checked && field.value === kept.value;
  else field.value = kept.value;
});
sessionStorage.removeItem(drawer);

// What stands below a button goes to the clipboard, and a screen reader hears that it did.
const copied = document.querySelector("[data-copied]");
for (const button of navigator.clipboard ? document.querySelectorAll("[data-copy]") : []) {
  button.hidden = false;
  button.addEventListener("click", async function () {
    await navigator.clipboard.writeText(button.nextElementSibling.textContent);
    const said = button.textContent;
    button.textContent = copied.textContent = copied.dataset.copied;
    setTimeout(() => { button.textContent = said; copied.textContent = ""; }, 2000);
  });
}

// A form that moves money shows that it is on its way; the server takes a second press for the same one anyway.
for (const form of document.querySelectorAll("form[data-once]")) {
  form.addEventListener("submit", function (event) {
    if (form.dataset.sent) event.preventDefault();
    form.dataset.sent = "yes";
    if (event.submitter) event.submitter.setAttribute("aria-busy", "true");
  });
}
window.addEventListener("pageshow", function () {
  for (const form of document.querySelectorAll("form[data-once]")) delete form.dataset.sent;
  for (const button of document.querySelectorAll("[aria-busy]")) button.removeAttribute("aria-busy");
});

// An order whose outcome is not known: ask now and then, and show the page anew once there is an answer.
const checking = document.querySelector("[data-check]");
if (checking) {
  const open = ["requested", "refusing"];
  const clock = checking.querySelector("time");
  const ahead = Date.parse(clock.dateTime) - Date.now(); // of this browser is the shop, whose clock the demo may have moved
  setInterval(async function () {
    try {
      const reply = await fetch(location.pathname, { headers: { Accept: "application/json" } });
      if (!reply.ok) return;
      const payment = await reply.json();
      if (!open.includes(payment.status)) location.reload();
      else clock.textContent = new Date(Date.now() + ahead).toLocaleTimeString("en-GB", { timeZone: "Asia/Seoul" });
    } catch (error) {
      // No connection: the next try may have one.
    }
  }, 3000);
}
