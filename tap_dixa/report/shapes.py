"""The file of shapes: what a connection test requested, and the beginning of what it was sent."""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from http import HTTPStatus
from threading import Lock
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

import msgspec
import requests

from tap_dixa.download.json_array import repair_text
from tap_dixa.download.windows import MARGIN
from tap_dixa.http.client import LARGEST_PAGE
from tap_dixa.http.run import Run
from tap_dixa.records.json_numbers import decode
from tap_dixa.report.disguise import MOST_ITEMS, Disguise
from tap_dixa.timestamps import DAY

_ASKED = ("pageKey", "channel", "id")
"""What tells a request from others to its path, beside the ids in it."""


@dataclass
class Shapes:
    """Keeps the beginning of what a run reads of responses. Several threads may use it."""

    run: Run
    lock: Lock = field(default_factory=Lock)
    responses: dict[tuple[Any, ...], dict[str, Any]] = field(default_factory=dict)
    """By what was requested: the last one, until one has a body."""

    def response(self, path: str, response: requests.Response) -> None:
        """Note a response to a path without ids, and its body once somebody has read it."""
        self._note(path, response, None)
        if response.status_code != HTTPStatus.OK:
            return
        read: Callable[..., Iterator[bytes]] = response.iter_content

        def noting(*args: Any, **kwargs: Any) -> Iterator[bytes]:
            kept = bytearray()
            for part in read(*args, **kwargs):
                kept += part if len(kept) < LARGEST_PAGE else b""
                yield part
            self._note(path, response, _beginning(repair_text(bytes(kept))[0]))

        response.iter_content = noting  # type: ignore[method-assign]

    def _note(self, path: str, response: requests.Response, body: Any) -> None:
        request = response.request
        found = {
            "path": path,
            "asked": _asked(path, request),
            "status": response.status_code,
            "type": response.headers.get("Content-Type", "").partition(";")[0],
            "body": body,
        }
        key = (request.method, request.url, request.body)
        with self.lock:
            if self.responses.get(key, found)["body"] is None:
                self.responses[key] = found

    def write(self, inclusive: Mapping[str, bool]) -> bytes:
        """Write the file, with what the test found out about filters."""
        settings = self.run.settings
        end = min(self.run.start - MARGIN, settings.end_date or self.run.start)
        disguise = Disguise(max(settings.start_date, end - DAY), end)
        with self.lock:
            found = list(self.responses.values())
        for _ in range(2):  # the first time, it sees which times and names there are
            responses = [disguise.response(each) for each in found]
            disguise.place_times()
        content = {"inclusive": inclusive, "responses": responses}
        return msgspec.json.format(msgspec.json.encode(content), indent=1)


def _asked(path: str, request: requests.PreparedRequest) -> dict[str, Any]:
    """Return the ids in a request's path, and its page and its subject, as they are."""
    parts = urlsplit(str(request.url))
    template = re.sub(r"\\{(\w+)\\}", r"(?P<\1>[^/]+)", re.escape(path))
    found = re.search(f"{template}$", parts.path)
    body = json.loads(request.body or "{}")
    query = {**dict(parse_qsl(parts.query)), **body, **body.get("pagination", {})}
    ids = {name: unquote(text) for name, text in (found.groupdict() if found else {}).items()}
    return {**{name: query[name] for name in _ASKED if name in query}, **ids}


def _beginning(body: bytes) -> Any:
    """Decode JSON, of an array the beginning; None if that is impossible."""
    with suppress(ValueError, OverflowError, RecursionError, msgspec.DecodeError):
        if not body.startswith(b"["):
            return decode(body)
        return list(map(decode, msgspec.json.decode(body, type=list[msgspec.Raw])[:MOST_ITEMS]))
    return None
