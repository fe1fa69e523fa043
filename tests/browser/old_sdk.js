/* A stand-in for i'mport's own old SDK, 1.1.5: what it says to its service host and what it does with the answers,
   written down from its observed behaviour and without its code. It knows nothing of the sandbox, whose address the
   test puts in the place of the service host's. */
(function () {
  const SERVICE = "{{ service }}";
  const isMobile = /\b(iPhone|iPad|iPod)/.test(navigator.userAgent) || /Android|Mobile/i.test(navigator.userAgent);
  const device = isMobile ? "mobile" : "pc";
  const frames = new Map();
  const callbacks = [];
  let code, tier, pending, dialog;

  function start() {
    dialog = document.createElement("div");
    dialog.className = "imp-dialog customizable";
    dialog.style.cssText = "display:none;position:fixed;inset:0;background:#0008";
    document.body.append(dialog);
    window.addEventListener("message", hear);
    const name = "jQuery11130" + String(Math.random()).slice(2) + "_" + Date.now();
    window[name] = (answer) => makeFrames(answer.code === 0 && answer.data.length ? answer.data : [{ pg_provider: null, type: "payment" }]);
    const script = document.createElement("script");
    script.src = `${SERVICE}/users/pg/${code}?callback=${name}${tier ? "&tier=" + tier : ""}&_=${Date.now()}`;
    document.head.append(script);
  }

  function makeFrames(settings) {
    settings.forEach(function (one, index) {
      const rest = index === 0 ? "" : "/" + one.pg_provider + (one.pg_id ? "/" + one.pg_id : "");
      const key = index === 0 ? "default" : one.pg_id ? [one.pg_provider, one.pg_id, one.type].join(".") : one.pg_provider;
      const element = document.createElement("iframe");
      element.className = `imp-frame imp-frame-${device} ${index === 0 ? "imp-frame-default" : ""} imp-frame-${one.pg_provider}`;
      element.style.cssText = "display:none;border:0;width:100%;height:100%";
      element.src = `${SERVICE}/payments/ready/${code}${rest}${tier ? "?tier=" + tier : ""}`;
      const frame = { ...one, key, element, isLoaded: false };
      element.addEventListener("load", function () {
        frame.isLoaded = true;
        if (pending && choose(pending.pg) === frame) send(frame);
      });
      frames.set(key, frame);
      dialog.append(element);
    });
  }

  function choose(pg) {
    const dot = (pg || "").indexOf(".");
    const provider = dot < 0 ? pg : pg.slice(0, dot);
    const id = dot < 0 ? "" : pg.slice(dot + 1);
    const fits = (frame) => frame.pg_provider === provider && (!id || frame.pg_id === id) && frame.type === "payment";
    const first = frames.get("default");
    return frames.get(id ? `${provider}.${id}.payment` : provider) || (fits(first) ? first : [...frames.values()].find(fits)) || first;
  }

  function send(frame) {
    const message = { action: "payment", data: pending, origin: location.href, from: "iamport-sdk", version: "1.1.5" };
    pending = null;
    frame.element.contentWindow.postMessage(JSON.stringify(message), SERVICE);
    frame.element.style.display = "block";
    dialog.style.display = "block";
    dialog.classList.add("payment-" + frame.pg_provider, device);
    if (isMobile) document.body.classList.add("imp-payment-progress");
  }

  function refresh() {
    dialog.style.display = "none";
    document.body.classList.remove("imp-payment-progress");
    for (const frame of frames.values()) {
      frame.element.style.display = "none";
      frame.isLoaded = false;
      frame.element.src = frame.element.getAttribute("src");
    }
    pending = null;
  }

  function hear(event) {
    if (event.origin !== SERVICE) return;
    window.heard.push(event.data);
    let message = {};
    try {
      message = JSON.parse(event.data);
    } catch (error) {
      console.log(error);
    }
    if (message.action === "proxy.post") return submit(message.data);
    if (message.action === "done") {
      const { request_id: id, ...answer } = message.data;
      const index = callbacks.findLastIndex((one) => one.id === id);
      if (index >= 0) callbacks.splice(index, 1)[0].run(answer);
    }
    refresh();
  }

  function submit({ formId, method, action, target, charset, param }) {
    const form = document.createElement("form");
    Object.assign(form, { id: formId, method, action, target, acceptCharset: charset });
    for (const [name, value] of Object.entries(param)) {
      const input = document.createElement("input");
      Object.assign(input, { type: "hidden", name, value });
      form.append(input);
    }
    document.body.append(form);
    form.submit();
  }

  window.heard = [];
  window.IMP = {
    init: (itsCode) => ((code = itsCode), start()),
    agency: (itsCode, itsTier) => ((code = itsCode), (tier = itsTier), start()),
    request_pay: function (params, callback) {
      params.merchant_uid = params.merchant_uid || "nobody_" + Date.now();
      params.pay_method = params.pay_method || "card";
      if (typeof callback === "function") {
        params.request_id = "req_" + Date.now();
        callbacks.push({ id: params.request_id, run: callback });
      }
      if (tier) params.tier_code = tier;
      pending = params;
      const frame = frames.size ? choose(params.pg) : null;
      if (frame && frame.isLoaded) send(frame);
    },
  };
})();
