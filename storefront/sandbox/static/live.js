/* The console looks again by itself: the page is asked for anew, and the parts that changed are put in their places.
   Not while somebody reads (a line is open, text is selected) or is in there with the keyboard, and not while paused. */
"use strict";
const EVERY_MS = 3000;
const PAUSED = "sandbox-console-paused";
const list = document.getElementById("lines");
const isLive = document.getElementById("live");

function isBeingRead() {
  const selection = document.getSelection();
  const isSelected = selection && !selection.isCollapsed && list.contains(selection.anchorNode);
  return document.hidden || isSelected || list.contains(document.activeElement) || list.querySelector("td > details[open]");
}

/* Whatever keeps it from refreshing is said, so that nobody takes an old list for a new one. */
const state = document.getElementById("live-state");
function say(why) {
  const text = why ? state.dataset[why] : "";
  if (state.textContent !== text) state.textContent = text;
}

async function look() {
  if (!isLive.checked) return say("paused");
  if (isBeingRead()) return say("reading");
  try {
    const reply = await fetch(list.dataset.from, { cache: "no-store" });
    if (!reply.ok) return say("silent");
    const page = new DOMParser().parseFromString(await reply.text(), "text/html");
    if (!isLive.checked || isBeingRead()) return;
    for (const part of document.querySelectorAll("[data-live]")) {
      const fresh = page.getElementById(part.id);
      if (fresh && fresh.innerHTML !== part.dataset.seen) {
        part.dataset.seen = fresh.innerHTML;
        part.replaceChildren(...fresh.childNodes);
      }
    }
    say("");
  } catch (error) {
    say("silent"); // the next look may find it
  }
}

isLive.checked = sessionStorage.getItem(PAUSED) !== "yes";
isLive.addEventListener("change", function () {
  sessionStorage.setItem(PAUSED, isLive.checked ? "no" : "yes");
  look();
});
document.getElementById("live-switch").hidden = false;
setInterval(look, EVERY_MS);

const problem = document.getElementById("problem");
if (problem) problem.focus();
