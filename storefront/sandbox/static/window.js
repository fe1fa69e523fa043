/* The window's comforts: digits in groups, one tap for a test card, Escape for cancel, a busy button.
   Without this script the window still pays and cancels. */
"use strict";
const form = document.getElementById("card");
const field = (name) => form.elements.namedItem(name);
const digits = (text) => text.replace(/\D/g, "");
const inFours = (text) => digits(text).slice(0, 16).replace(/(.{4})(?=.)/g, "$1 ");
/* 12/40, or 12/2040 as browsers fill it in. */
function monthAndYear(text) {
  const typed = digits(text);
  return typed.slice(0, typed.slice(2, 4) === "20" ? 6 : 4).replace(/^(..)(.+)/, "$1/$2");
}

function group(input, format) {
  input.addEventListener("input", function () {
    // In the middle of a number the cursor would jump; there the digits stay as they are typed.
    if (input.selectionStart === input.value.length) input.value = format(input.value);
  });
}

group(field("card_number"), inFours);
group(field("expiry"), monthAndYear);

const testCards = document.querySelectorAll("[data-card]");
for (const button of testCards) {
  button.addEventListener("click", function () {
    field("card_number").value = inFours(button.dataset.card);
    for (const name of ["expiry", "birth", "pwd_2digit"]) field(name).value = button.dataset[name];
    for (const other of testCards) other.setAttribute("aria-pressed", String(other === button));
    field("agree").focus();
  });
  button.disabled = false; // until somebody listens, a press would be lost
}

function cancel() {
  form.querySelector('[data-action="cancel"]').click();
}

document.addEventListener("keydown", function (event) {
  if (event.key === "Escape") cancel();
});

/* The keyboard may still be with the page around the frame; that page passes Escape on. */
window.addEventListener("message", function (event) {
  if (event.source !== window.parent || typeof event.data !== "string") return;
  if (event.data.includes('"communicate"') && event.data.includes('"Escape"')) cancel();
});

form.addEventListener("submit", function (event) {
  if (form.dataset.sent) {
    event.preventDefault();
    return;
  }
  form.dataset.sent = "yes";
  if (event.submitter && event.submitter.dataset.action === "pay") {
    event.submitter.setAttribute("aria-busy", "true");
    form.querySelector('[data-action="cancel"]').setAttribute("aria-disabled", "true");
    document.getElementById("cancel-hint").hidden = true;
    document.getElementById("waiting").textContent = form.dataset.waiting;
  }
});

/* Back from somewhere else, out of the browser's memory. */
window.addEventListener("pageshow", function () {
  delete form.dataset.sent;
  form.querySelector('[data-action="cancel"]').removeAttribute("aria-disabled");
  document.getElementById("cancel-hint").hidden = false;
});

const problems = document.getElementById("problems");
if (problems) problems.focus();
else if (document.hasFocus() && matchMedia("(pointer: fine)").matches) field("card_number").focus({ preventScroll: true });
