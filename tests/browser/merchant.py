"""A merchant who has nothing to do with our shop: a page with one button, on an origin of its own."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

CODE = "imp00000000"
OLD_SDK = Path(__file__).with_name("old_sdk.js")

_PAGE = """<!doctype html><html lang="en"><meta name="viewport" content="width=device-width"><title>merchant</title>
<button id="buy">Buy</button><output id="answer"></output>
%(jquery)s<script src="%(script)s"></script>
<script>
  const answer = document.getElementById("answer");
  const params = %(params)s;
  IMP.%(start)s;
  document.getElementById("buy").addEventListener("click", function () {
    IMP.request_pay({ ...params }, (told) => (answer.textContent = JSON.stringify(told)));
  });
</script></html>"""


class Merchant:
    """What the page is made of, and where it is."""

    def __init__(self, url: str, sandbox_url: str) -> None:
        self.url, self.sandbox_url = url, sandbox_url
        self.script, self.start = "/old_sdk.js", f"IMP.init('{CODE}')"
        self.params: dict[str, Any] = {}
        self.has_jquery = True

    def answer(self, path: str) -> tuple[str, str]:
        """A path's content type and text."""
        if path == "/old_sdk.js":
            return "text/javascript", OLD_SDK.read_text().replace("{{ service }}", self.sandbox_url)
        if path.startswith("/back"):
            return "text/html", "<!doctype html><html lang='en'><title>back</title><h1>Back at the merchant</h1></html>"
        jquery = "<script>window.jQuery = function () {};</script>" if self.has_jquery else ""
        values = {
            "jquery": jquery,
            "script": self.script,
            "params": json.dumps(self.params),
            "start": self.start.removeprefix("IMP."),
        }
        return "text/html", _PAGE % values


@contextmanager
def merchant_beside(sandbox_url: str) -> Iterator[Merchant]:
    """Serve a merchant until the block ends."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            kind, text = merchant.answer(self.path)
            body = text.encode()
            self.send_response(200)
            self.send_header("Content-Type", f"{kind}; charset=utf-8")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_arguments: Any) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    merchant = Merchant(f"http://127.0.0.1:{server.server_port}", sandbox_url)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield merchant
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
