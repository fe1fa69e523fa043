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

  let userCode = null;
  let dialog = null;
  let frame = null;
  let isLoaded = false;
  let pending = null;
  let opener = null;
  const callbacks = [];

  function place(element, styles) {
    // Through the CSSOM, which a strict Content-Security-Policy of the shop allows.
    Object.assign(element.style, styles);
    return element;
  }

  function makeFrame() {
    if (frame) frame.remove();
    isLoaded = false;
    frame = document.createElement("iframe");
    frame.className = "imp-frame imp-frame-default imp-frame-jtnet imp-frame-" + (isPhone ? "mobile" : "pc");
    frame.title = "JTNet 결제창 · payment window";
    place(frame, { border: "0", width: "min(880px, 100vw)", height: "min(650px, 100dvh)", boxShadow: "0 30px 80px #0008" });
    if (matchMedia("(max-width: 767.98px)").matches) place(frame, { width: "100vw", height: "100dvh" });
    frame.addEventListener("load", function () {
      isLoaded = true;
      if (pending) send();
    });
    frame.src = origin + "/payments/ready/" + encodeURIComponent(userCode) + "/jtnet?sdk=" + style;
    dialog.append(frame);
  }

  function makeDialog() {
    if (dialog) return;
    dialog = document.createElement("div");
    dialog.className = "imp-dialog customizable";
    dialog.setAttribute("role", "dialog");
    dialog.setAttribute("aria-modal", "true");
    dialog.setAttribute("aria-label", "결제창");
    place(dialog, { position: "fixed", inset: "0", zIndex: "2147483000", display: "none", placeItems: "center", background: "#0b0d1fb3" });
    document.body.append(dialog);
    window.addEventListener("message", receive);
  }

  function hidePage(hidden) {
    for (const element of document.body.children) {
      if (element !== dialog) element.inert = hidden;
    }
    document.documentElement.style.overflow = hidden ? "hidden" : "";
  }

  function show() {
    opener = document.activeElement;
    place(dialog, { display: "grid" });
    hidePage(true);
    frame.focus();
  }

  function close() {
    place(dialog, { display: "none" });
    hidePage(false);
    makeFrame();
    if (opener && opener.focus) opener.focus();
  }

  function send() {
    const data = pending;
    pending = null;
    const message = { action: "payment", data: data, origin: location.href, from: "iamport-sdk", version: "sandbox" };
    frame.contentWindow.postMessage(JSON.stringify(message), origin);
    show();
  }

  function receive(event) {
    if (event.origin !== origin) return;
    let message = {};
    try {
      message = JSON.parse(event.data);
    } catch (error) {
      // Like the real one: whatever is not understood still ends the window.
    }
    const data = Object.assign({}, message.data);
    const requestId = data.request_id;
    delete data.request_id;
    const index = callbacks.findLastIndex((callback) => callback.id === requestId);
    close();
    if (index < 0) return;
    const callback = callbacks.splice(index, 1)[0].run;
    try {
      callback(data);
    } catch (error) {
      console.log(error);
    }
  }

  window.IMP = {
    init: function (code) {
      userCode = String(code);
      function start() {
        makeDialog();
        if (!isPhone) makeFrame();
      }
      if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", start);
      else start();
    },
    agency: function (code) {
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
      const data = Object.assign({}, params);
      if (!data.merchant_uid) data.merchant_uid = "nobody_" + Date.now();
      if (!data.pay_method) data.pay_method = "card";
      if (isPhone) {
        const query = new URLSearchParams({ params: JSON.stringify(data), device: "mobile", sdk: style });
        location.assign(origin + "/payments/open?" + query);
        return undefined;
      }
      if (typeof callback === "function") {
        data.request_id = "req_" + Date.now();
        callbacks.push({ id: data.request_id, run: callback });
      }
      pending = data;
      if (isLoaded) send();
      return undefined;
    },
    close: function () {
      if (dialog) close();
    },
  };
})();
