"""Styles, scripts and pictures: named after their content, compressed once, and kept by browsers for a year.

A page that is seen again asks for nothing but itself, and what a new release has changed has another name. The few files
are read when the shop starts and served from memory, by Werkzeug's own rules of conditions and ranges: a second tree of
compressed copies on the disk, as WhiteNoise wants one, would have to be built, found, guarded and cleared away.

While somebody works on the pages (`flask run --debug`) Flask serves them as they lie there.
"""

from __future__ import annotations

import gzip
import mimetypes
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from pathlib import Path, PurePosixPath
from typing import Any

from flask import Flask, Response, abort, request
from flask.sessions import SecureCookieSessionInterface, SessionMixin

ONE_YEAR_S = 365 * 86_400
WORTH_COMPRESSING = 0.9
"""A picture that is compressed already stays as it is."""
_FINGERPRINT_LENGTH = 12
_NOT_FOUND = 404


@dataclass(frozen=True)
class _File:
    """A file, twice: as it is, and compressed if that is smaller."""

    named: str
    kind: str
    fingerprint: str
    content: bytes
    compressed: bytes | None


class _SessionsOfPages(SecureCookieSessionInterface):
    """Files have no session: if they varied by its cookie, whoever signs in would fetch them all anew."""

    def save_session(self, app: Flask, session: SessionMixin, response: Response) -> None:
        """Send the session along with every answer but a file."""
        if request.endpoint != "static" or response.status_code == _NOT_FOUND:
            super().save_session(app, session, response)


def init_app(app: Flask) -> None:
    """Serve the application's static folder, and have `url_for("static", …)` name what lies in it by its content."""
    if app.debug:
        return
    files = _read(Path(str(app.static_folder)))
    by_content = {file.named: file for file in files.values()}

    @app.url_defaults
    def name_by_content(endpoint: str, values: dict[str, Any]) -> None:
        if endpoint == "static" and values["filename"] in files:
            values["filename"] = files[values["filename"]].named

    def serve(filename: str) -> Response:
        file = by_content.get(filename)
        if file is not None:
            return _answer(file, max_age_s=ONE_YEAR_S)
        return _answer(files.get(filename) or abort(_NOT_FOUND), max_age_s=0)

    app.view_functions["static"] = serve
    app.session_interface = _SessionsOfPages()


def _answer(file: _File, *, max_age_s: int) -> Response:
    """The file, or 304 for whoever has it. Under its plain name it is asked about each time."""
    is_compressed = file.compressed is not None and request.accept_encodings["gzip"] > 0
    body = file.compressed if is_compressed and file.compressed else file.content
    answer = Response(body, content_type=file.kind)
    if is_compressed:
        answer.content_encoding = "gzip"
    answer.vary.add("Accept-Encoding")
    answer.set_etag(f"{file.fingerprint}-gzip" if is_compressed else file.fingerprint)
    answer.cache_control.public = True
    answer.cache_control.max_age = max_age_s
    answer.cache_control.immutable = max_age_s > 0
    answer.make_conditional(request, accept_ranges=True, complete_length=len(body))
    return answer


@cache
def _read(folder: Path) -> dict[str, _File]:
    """Every file of a folder by its plain name; read once for all applications of a process."""
    paths = (path for path in sorted(folder.rglob("*")) if path.is_file())
    return {path.relative_to(folder).as_posix(): _file(folder, path) for path in paths}


def _file(folder: Path, path: Path) -> _File:
    content = path.read_bytes()
    fingerprint = sha256(content).hexdigest()[:_FINGERPRINT_LENGTH]
    plain = PurePosixPath(path.relative_to(folder).as_posix())
    kind = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
    compressed = gzip.compress(content, mtime=0)
    return _File(
        named=str(plain.with_name(f"{plain.stem}.{fingerprint}{plain.suffix}")),
        kind=f"{kind}; charset=utf-8" if kind.startswith("text/") or kind.endswith("javascript") else kind,
        fingerprint=fingerprint,
        content=content,
        compressed=compressed if len(compressed) < WORTH_COMPRESSING * len(content) else None,
    )
