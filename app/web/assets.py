"""Static files: served from memory, compressed, and kept by browsers for a year.

Their URLs have a fingerprint of all files: `/static/0123456789/css/latchkey.css`. It is a part of
the path, so relative URLs in style sheets and imports between scripts have it too.
"""

import gzip
import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from flask import Flask, Response, abort, request

PREFIX = "/static/"
_FOLDER = Path(__file__).resolve().parents[1] / "static"
_WITH_FINGERPRINT = re.compile(r"([0-9a-f]{10})/(.*)")
_CACHED = "public, max-age=31536000, immutable"
_REVALIDATED = "no-cache"
_TEXT = "text/plain; charset=utf-8"
# Python's `mimetypes` differs from system to system.
_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
    ".woff2": "font/woff2",
    ".md": _TEXT,
    ".txt": _TEXT,
    "": _TEXT,
}


@dataclass(frozen=True, slots=True)
class Asset:
    """A file; `compressed` is None when gzip does not make it much smaller."""

    content: bytes
    compressed: bytes | None
    content_type: str
    digest: str


def init_app(app: Flask) -> None:
    """Serves `app/static`, and gives templates `asset(name)`, the URL of a file.

    In development the URL has no fingerprint: changed files are read again, and browsers ask each
    time.
    """
    assets = load(_FOLDER)
    current = fingerprint(assets)
    live = app.jinja_env.auto_reload

    def serve(filename: str) -> Response:
        """A file. A URL with another fingerprint may be from another version of the app, which runs
        beside this one during a deployment. So it works, but browsers must ask again."""
        found = _WITH_FINGERPRINT.fullmatch(filename)
        prefix, name = found.groups() if found else ("", filename)
        asset = (load(_FOLDER) if live else assets).get(name)
        if asset is None:
            abort(404)
        return _answer(asset, _CACHED if prefix == current and not live else _REVALIDATED)

    def url(name: str) -> str:
        return f"{request.script_root}{PREFIX}{name if live else f'{current}/{name}'}"

    app.add_url_rule(f"{PREFIX}<path:filename>", "static", serve)
    app.jinja_env.globals["asset"] = url


def load(folder: Path) -> dict[str, Asset]:
    """All files of a folder by their relative paths. Only these names are served, so no path can
    lead out of the folder."""
    return {
        path.relative_to(folder).as_posix(): _read(path, path.stat().st_mtime_ns)
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def fingerprint(assets: Mapping[str, Asset]) -> str:
    """Ten hex digits that change when the name or the content of any file changes."""
    lines = (f"{name} {asset.digest}\n" for name, asset in assets.items())
    return hashlib.sha256("".join(lines).encode()).hexdigest()[:10]


@lru_cache(maxsize=256)
def _read(path: Path, _changed: int) -> Asset:
    content = path.read_bytes()
    compressed = gzip.compress(content, mtime=0)
    return Asset(
        content,
        compressed if len(compressed) < 0.9 * len(content) else None,
        _TYPES.get(path.suffix, "application/octet-stream"),
        hashlib.sha256(content).hexdigest()[:20],
    )


def _answer(asset: Asset, cache_control: str) -> Response:
    """The file, or 304 if the browser has it. Ranges are not served, because no file is large."""
    response = Response(content_type=asset.content_type)
    response.headers["Cache-Control"] = cache_control
    if asset.compressed:
        response.vary.add("Accept-Encoding")
    if asset.compressed and request.accept_encodings.quality("gzip") > 0:
        response.data = asset.compressed
        response.content_encoding = "gzip"
        response.set_etag(f"{asset.digest}-gzip")
    else:
        response.data = asset.content
        response.set_etag(asset.digest)
    response.make_conditional(request)
    return response
