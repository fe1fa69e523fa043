/* Watches whether a payment window stands over the page. The SDK's callback says how a window ended; when it was closed by
   hand, or by a message that the SDK did not know, nobody says anything. Whichever SDK opened it, a window is a frame that
   can be seen, so that is what is looked for. */
"use strict";
const TICK_MS = 500;
const PATIENCE_MS = 8000; // for what has to come from elsewhere: the SDK, a window, an answer
const GONE_MS = 1000; // a window's end and its callback are not one moment
const STUCK_MS = 3000;
const FIRST_LOOK_MS = 5000;
const LONGEST_WAIT_MS = 60000;
const MOST_LOOKS = 60;

function isWindowStanding() {
  return [...document.querySelectorAll('iframe[src^="http"]')].some(function (frame) {
    const { width, height } = frame.getBoundingClientRect();
    return width > 1 && height > 1 && getComputedStyle(frame).visibility === "visible";
  });
}

/* Some windows are another tab, or an app on the same phone. */
function isElsewhere() {
  return document.hidden || !document.hasFocus();
}

/* Watch one window until it is gone.
   onGone: no window can be seen any more, or none came; called once, and the watch is over.
   onStuck: its frame has loaded something anew and still stands, so it may have forgotten what it was for.
   onLook: now and then while it stands, ever more seldom. */
class WindowWatch {
  constructor({ onGone, onStuck, onLook }) {
    Object.assign(this, { onGone, onStuck, onLook });
    this.wasSeen = false;
    this.lastSeen = Date.now();
    this.pages = 0;
    this.stuckAt = Infinity;
    this.looks = 0;
    this.wait = FIRST_LOOK_MS;
    this.nextLook = Date.now() + this.wait;
    this.countPage = this.countPage.bind(this);
    document.addEventListener("load", this.countPage, true);
    this.timer = setInterval(() => this.tick(), TICK_MS);
  }

  stop() {
    clearInterval(this.timer);
    document.removeEventListener("load", this.countPage, true);
  }

  /* The first page that a standing frame loads is the window itself. */
  countPage(event) {
    if (!(event.target instanceof HTMLIFrameElement) || !isWindowStanding()) return;
    this.wasSeen = true;
    this.pages += 1;
    if (this.pages > 1) this.stuckAt = Date.now() + STUCK_MS;
  }

  tick() {
    const now = Date.now();
    if (isWindowStanding()) {
      this.wasSeen = true;
      this.lastSeen = now;
    } else if (this.wasSeen ? now - this.lastSeen > GONE_MS : now - this.lastSeen > PATIENCE_MS && !isElsewhere()) {
      this.stop();
      this.onGone();
      return;
    }
    if (now > this.stuckAt) {
      this.stuckAt = Infinity;
      this.onStuck();
    }
    if (now > this.nextLook && this.looks < MOST_LOOKS && !document.hidden) {
      this.looks += 1;
      this.wait = Math.min(this.wait * 1.5, LONGEST_WAIT_MS);
      this.nextLook = now + this.wait;
      this.onLook();
    }
  }
}
