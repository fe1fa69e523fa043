/* The sandbox's browser SDK. The public calls are i'mport's, and so is what it says to the service host: which PG
   settings there are (JSONP), one hidden frame for each, one message that asks for a window, one that ends it.
   Desktop: the frame is shown as a dialog over the page, and the callback gets the answer.
   Phone: the frame has this page go to the window, which comes back to m_redirect_url. */
(function () {
  "use strict";
  if (window.IMP) return;

  const source = new URL(document.currentScript.src);
  const origin = source.origin;
  const style = source.pathname.startsWith("/v1/") ? "new" : "old";
  if (style === "old" && !window.jQuery) {
    throw new Error("jQuery is not defined: the old SDK needs it before itself; the new one is at " + origin + "/v1/iamport.js");
  }
  const isPhone = /\b(iPhone|iPad|iPod)/.test(navigator.userAgent) || /Android|Mobile/i.test(navigator.userAgent);
  const device = isPhone ? "mobile" : "pc";

  // A sheet made by script is allowed under a shop's Content-Security-Policy; a style element is not.
  const looks = `
    .imp-dialog { position: fixed; inset: 0; z-index: 2147483000; display: none; place-items: center; background: #0b0d1fb3; }
    .imp-dialog.is-open { display: grid; }
    .imp-frame { display: none; border: 0; width: 100vw; height: 100dvh; background: Canvas; color-scheme: light dark; }
    .imp-frame.is-shown { display: block; }
    @media (min-width: 768px) {
      .imp-frame-pc { width: min(880px, 100vw); height: min(650px, 100dvh); box-shadow: 0 30px 80px #0008; }
    }
    html:has(> body > .imp-dialog.is-open) { overflow: hidden; }
    .imp-payment-progress > :not(.imp-dialog) { visibility: hidden; }
  `;

  let userCode = null;
  let tier = null;
  let dialog = null;
  let entries = [];
  let shown = null;
  let pending = null;
  let opener = null;
  let behind = [];
  let asked = 0;
  const callbacks = [];

  function makeDialog() {
    const sheet = new CSSStyleSheet();
    sheet.replaceSync(looks);
    document.adoptedStyleSheets = [...document.adoptedStyleSheets, sheet];
    dialog = document.createElement("div");
    dialog.setAttribute("role", "dialog");
    dialog.setAttribute("aria-modal", "true");
    dialog.setAttribute("aria-label", "결제창 · payment window");
    document.body.append(dialog);
    window.addEventListener("message", receive);
    document.addEventListener("keydown", passEscapeOn);
    // Back from a phone's window, out of the browser's memory: the dialog would still stand over the page.
    window.addEventListener("pageshow", (event) => event.persisted && refresh());
  }

  /* A shop's policy lets scripts of this origin in, but no fetch to it. Like the real one: no answer, no window. */
  function start() {
    if (!dialog) makeDialog();
    hide();
    removeFrames();
    asked += 1;
    const name = "impSettings" + asked;
    const script = document.createElement("script");
    const query = new URLSearchParams({ callback: name, ...(tier && { tier: tier }), _: Date.now() });
    window[name] = function (answer) {
      delete window[name];
      script.remove();
      if (name === "impSettings" + asked) useSettings(answer);
    };
    script.src = origin + "/users/pg/" + encodeURIComponent(userCode) + "?" + query;
    document.head.append(script);
  }

  function useSettings(answer) {
    const settings = answer.code === 0 && answer.data.length ? answer.data : [{ type: "payment" }];
    entries = settings.map(function (setting, index) {
      const { pg_provider: provider = null, pg_id: id = null, type } = setting;
      const key = index === 0 ? "default" : id ? [provider, id, type].join(".") : provider;
      return { key: key, provider: provider, id: id, type: type, frame: null, isLoaded: false };
    });
    entries.forEach(makeFrame);
  }

  function makeFrame(entry) {
    const isDefault = entry.key === "default";
    const names = ["imp-frame", "imp-frame-" + device, isDefault && "imp-frame-default", entry.provider && "imp-frame-" + entry.provider];
    const way = [entry.type === "certification" ? "certificates" : "payments", "ready", userCode];
    if (!isDefault) way.push(entry.provider, ...(entry.id ? [entry.id] : []));
    const frame = document.createElement("iframe");
    frame.className = names.filter(Boolean).join(" ");
    frame.title = "결제창 · payment window";
    frame.src = origin + "/" + way.map(encodeURIComponent).join("/") + "?" + new URLSearchParams({ ...(tier && { tier: tier }), sdk: style });
    frame.addEventListener("load", function () {
      entry.isLoaded = true;
      if (pending && choose(pending.pg) === entry) send(entry);
    });
    entry.frame = frame;
    entry.isLoaded = false;
    dialog.append(frame);
  }

  function removeFrames() {
    for (const entry of entries) entry.frame.remove();
    entries = [];
  }

  /* A pg nobody has set up silently means the default one. */
  function choose(pg) {
    const [, provider, id] = /^([^.]*)\.?(.*)$/s.exec(pg || "");
    const fits = (entry) => entry.provider === provider && (!id || entry.id === id) && entry.type === "payment";
    const key = id ? provider + "." + id + ".payment" : provider;
    const [first] = entries;
    return entries.find((entry) => entry.key === key) || (fits(first) && first) || entries.find(fits) || first;
  }

  function post(entry, action, data, more) {
    const message = { action: action, data: data, ...more, from: "iamport-sdk", version: "sandbox" };
    entry.frame.contentWindow.postMessage(JSON.stringify(message), origin);
  }

  function send(entry) {
    post(entry, "payment", pending, { origin: location.href });
    pending = null;
    show(entry);
  }

  function show(entry) {
    if (!shown) {
      opener = document.activeElement;
      behind = [...document.body.children].filter((element) => element !== dialog && !element.inert);
    }
    for (const element of behind) element.inert = true;
    for (const other of entries) other.frame.classList.toggle("is-shown", other === entry);
    dialog.className = "imp-dialog customizable is-open payment-" + entry.provider + " " + device;
    document.body.classList.toggle("imp-payment-progress", isPhone);
    shown = entry;
    entry.frame.focus();
  }

  function hide() {
    dialog.className = "imp-dialog customizable";
    document.body.classList.remove("imp-payment-progress");
    for (const element of behind) element.inert = false;
    if (opener) opener.focus();
    behind = [];
    opener = shown = null;
  }

  /* The frames keep nothing, so they are made anew; a request that waits for one is dropped, like the real one's. */
  function refresh() {
    hide();
    pending = null;
    for (const entry of entries) {
      entry.frame.remove();
      makeFrame(entry);
    }
  }

  function passEscapeOn(event) {
    if (event.key === "Escape" && shown) post(shown, "communicate", { key: "Escape" });
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
    // The frame asks this page to go to a phone's window. It goes itself: a form would need the shop's form-action.
    if (message && message.action === "proxy.post") return location.assign(message.data.action);
    const { request_id: requestId, ...answer } = (message && message.action === "done" && message.data) || {};
    hide(); // before the callback, which may want to set the focus itself
    const index = callbacks.findLastIndex((callback) => callback.id === requestId);
    const [callback] = index < 0 ? [] : callbacks.splice(index, 1);
    try {
      if (callback) callback.run(answer);
    } catch (error) {
      console.log(error);
    }
    refresh();
  }

  /* What a phone's page gets that gave no callback: a failure leads to where the window would have led. */
  function goBackOnFailure(data) {
    return function (answer) {
      if (answer.success !== false && !answer.error_code) return;
      const { imp_uid: impUid, merchant_uid: merchantUid, error_msg: text } = answer;
      const back = data.m_redirect_url;
      const address = back ? new URL(back, location.href) : new URL("/payments/fail", origin);
      const facts = back
        ? { imp_uid: impUid || "", merchant_uid: merchantUid, imp_success: "false", error_msg: text }
        : { imp_uid: impUid || "", success: "false", error_msg: text, page: location.href };
      for (const [name, value] of Object.entries(facts)) address.searchParams.append(name, value);
      location.assign(address);
    };
  }

  function request(data, callback) {
    const run = typeof callback === "function" ? callback : isPhone ? goBackOnFailure(data) : null;
    if (run) {
      data.request_id = "req_" + Date.now();
      callbacks.push({ id: data.request_id, run: run });
    }
    if (tier) data.tier_code = tier;
    pending = data;
    const entry = entries.length ? choose(data.pg) : null;
    if (entry && entry.isLoaded) send(entry);
  }

  function init(code, itsTier) {
    userCode = String(code);
    tier = itsTier ? String(itsTier) : null;
    if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", start, { once: true });
    else start();
  }

  /* What else the SDK has: it is there, tells whoever waits for an answer, and does nothing. */
  function notSimulated(name) {
    return function (...given) {
      const text = "IMP." + name + ": not simulated by this sandbox";
      console.warn(text);
      const callback = given.find((one) => typeof one === "function");
      const answer = { error_code: "NOT_SIMULATED", error_msg: text, imp_uid: null };
      if (callback) setTimeout(() => callback(style === "old" ? { success: false, ...answer } : answer));
    };
  }
  const others = ["certification", "naver_zzim", "naver_cart", "loadUI", "updateLoadUIRequest"];

  window.IMP = {
    ...Object.fromEntries(others.map((name) => [name, notSimulated(name)])),
    init: (code) => init(code, null),
    agency: init,
    communicate: (data) => shown && post(shown, "communicate", data),
    close: () => dialog && refresh(),
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
        if (dialog) refresh();
      }
      return undefined;
    },
  };
})();
