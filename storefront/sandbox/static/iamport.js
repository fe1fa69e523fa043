/* The sandbox's browser SDK. The public calls are i'mport's; everything behind them is our own.
   Desktop: a hidden frame of the sandbox is told what to pay (postMessage) and shown as a dialog over the page.
   Phone: the page leaves for the payment window and comes back to m_redirect_url. */
(function () {
  "use strict";
  if (window.IMP) return;

  const source = new URL(document.currentScript.src);
  const origin = source.origin;
  const style = source.pathname.startsWith("/v1/") ? "new" : "old";
  const isPhone = /\b(iPhone|iPad|iPod)/.test(navigator.userAgent) || /Android|Mobile/i.test(navigator.userAgent);

  // A sheet made by script is allowed under a shop's Content-Security-Policy; a style element is not.
  const looks = `
    .imp-dialog { position: fixed; inset: 0; z-index: 2147483000; display: none; place-items: center; background: #0b0d1fb3; }
    .imp-dialog.is-open { display: grid; }
    .imp-frame { border: 0; width: 100vw; height: 100dvh; background: Canvas; color-scheme: light dark; }
    @media (min-width: 768px) {
      .imp-frame { width: min(880px, 100vw); height: min(650px, 100dvh); box-shadow: 0 30px 80px #0008; }
    }
    html:has(> body > .imp-dialog.is-open) { overflow: hidden; }
  `;

  let userCode = null;
  let dialog = null;
  let frame = null;
  let isLoaded = false;
  let pending = null;
  let opener = null;
  let behind = [];
  const callbacks = [];

  function makeDialog() {
    const sheet = new CSSStyleSheet();
    sheet.replaceSync(looks);
    document.adoptedStyleSheets = [...document.adoptedStyleSheets, sheet];
    dialog = document.createElement("div");
    dialog.className = "imp-dialog customizable";
    dialog.setAttribute("role", "dialog");
    dialog.setAttribute("aria-modal", "true");
    dialog.setAttribute("aria-label", "결제창 · payment window");
    document.body.append(dialog);
    window.addEventListener("message", receive);
    document.addEventListener("keydown", passEscapeOn);
  }

  function makeFrame() {
    if (frame) frame.remove();
    isLoaded = false;
    frame = document.createElement("iframe");
    frame.className = "imp-frame imp-frame-default imp-frame-jtnet imp-frame-pc";
    frame.title = "결제창 · payment window";
    frame.addEventListener("load", function () {
      isLoaded = true;
      if (pending) send();
    });
    frame.src = origin + "/payments/ready/" + encodeURIComponent(userCode) + "/jtnet?sdk=" + style;
    dialog.append(frame);
  }

  function start() {
    if (isPhone) return;
    if (!dialog) makeDialog();
    makeFrame();
  }

  function post(action, data) {
    const message = { action: action, data: data, origin: location.href, from: "iamport-sdk", version: "sandbox" };
    frame.contentWindow.postMessage(JSON.stringify(message), origin);
  }

  function send() {
    post("payment", pending);
    pending = null;
    open();
  }

  function open() {
    opener = document.activeElement;
    behind = [...document.body.children].filter((element) => element !== dialog && !element.inert);
    for (const element of behind) element.inert = true;
    dialog.classList.add("is-open");
    frame.focus();
  }

  function close() {
    dialog.classList.remove("is-open");
    for (const element of behind) element.inert = false;
    behind = [];
    makeFrame();
    if (opener) opener.focus();
    opener = null;
  }

  function passEscapeOn(event) {
    if (event.key === "Escape" && dialog.classList.contains("is-open")) post("communicate", { key: "Escape" });
  }

  /* Like the real one: the newest callback of that id gets the answer, and whatever the frame says ends the window. */
  function receive(event) {
    if (event.origin !== origin) return;
    let message = null;
    try {
      message = JSON.parse(event.data);
    } catch (error) {
      console.log(error);
    }
    const { request_id: requestId, ...answer } = (message && message.data) || {};
    close();
    const index = callbacks.findLastIndex((callback) => callback.id === requestId);
    if (index < 0) return;
    const [callback] = callbacks.splice(index, 1);
    try {
      callback.run(answer);
    } catch (error) {
      console.log(error);
    }
  }

  function leaveFor(data) {
    const query = new URLSearchParams({ code: userCode, params: JSON.stringify(data), device: "mobile", sdk: style });
    location.assign(origin + "/payments/open?" + query);
  }

  function request(data, callback) {
    if (isPhone) {
      leaveFor(data);
      return;
    }
    if (typeof callback === "function") {
      data.request_id = "req_" + Date.now();
      callbacks.push({ id: data.request_id, run: callback });
    }
    pending = data;
    if (isLoaded) send();
  }

  window.IMP = {
    init: function (code) {
      userCode = String(code);
      if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", start, { once: true });
      else start();
    },
    agency: function (code) {
      // One merchant is all the sandbox plays, whatever its tier.
      window.IMP.init(code);
    },
    request_pay: function (params, callback) {
      if (params === undefined) {
        alert("결제요청 파라미터가 누락되었습니다.");
        return false;
      }
      if (!userCode) {
        alert("판매자 코드가 설정되지 않았습니다. IMP.init()함수를 먼저 호출하세요.");
        return false;
      }
      try {
        const { merchant_uid: merchantUid, pay_method: payMethod } = params;
        request({ ...params, merchant_uid: merchantUid || "nobody_" + Date.now(), pay_method: payMethod || "card" }, callback);
      } catch (error) {
        alert("결제모듈 구동 중에 오류가 발생하였습니다. 페이지 새로고침 후 다시 시도해주세요.\n" + error.message);
        if (dialog) close();
      }
      return undefined;
    },
  };
})();
