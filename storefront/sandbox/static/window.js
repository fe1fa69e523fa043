/* The window's comforts: digits in groups, one tap for a test card, Escape for cancel, a busy button. It works without. */
"use strict";
const form = document.getElementById("card");
const field = (name) => form.elements.namedItem(name);
const digits = (text) => text.replace(/\D/g, "");

function group(input, format) {
  input.addEventListener("input", function () {
    const atEnd = input.selectionStart === input.value.length;
    if (atEnd) input.value = format(digits(input.value));
  });
}

const formatNumber = (text) => text.slice(0, 16).replace(/(.{4})(?=.)/g, "$1 ");
group(field("card_number"), formatNumber);
group(field("expiry"), (text) => (text.length > 2 ? text.slice(0, 2) + "/" + text.slice(2, 4) : text));

for (const button of document.querySelectorAll("[data-card]")) {
  button.addEventListener("click", function () {
    field("card_number").value = formatNumber(button.dataset.card);
    field("expiry").value = button.dataset.expiry;
    field("birth").value = "900101";
    field("pwd_2digit").value = "12";
    for (const other of document.querySelectorAll("[data-card]")) other.setAttribute("aria-pressed", String(other === button));
    field("agree").focus();
  });
}

document.addEventListener("keydown", function (event) {
  if (event.key === "Escape") document.querySelector('[data-action="cancel"]').click();
});

form.addEventListener("submit", function (event) {
  if (form.dataset.sent) {
    event.preventDefault();
    return;
  }
  form.dataset.sent = "yes";
  if (event.submitter && event.submitter.dataset.action === "pay") {
    event.submitter.setAttribute("aria-busy", "true");
    document.getElementById("waiting").hidden = false;
  }
});
window.addEventListener("pageshow", () => delete form.dataset.sent);

const problem = document.getElementById("errors");
if (problem) problem.focus();
