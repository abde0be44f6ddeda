"""Odd headers and status lines: none of them ends a run, is quoted in the log, or hangs it."""

from __future__ import annotations

import json
import re
from itertools import count
from urllib.parse import parse_qsl, urlsplit

import pytest

from tap_dixa.timestamps import to_rfc3339
from tests.conftest import DAY, NOON, catalog, settings
from tests.end_to_end import checks
from tests.end_to_end.everything import EVERY
from tests.end_to_end.raw_http import raw_server

NAMES = (
    *("Content-Encoding", "Content-Type", "Content-Length", "Transfer-Encoding", "Location"),
    *("Retry-After", "Date", "X-RateLimit-Limit", "RateLimit", "Set-Cookie", "Link", "Connection"),
    *("Content-Range", "Trailer", "Upgrade", "", "not a name", "quux\xff"),
)
VALUES = (
    *("", " ", "quux" * 2_500, "9" * 10_000, "-1", "nan", "quux\xff\xfe", "\xc3\xa9", "\xb2"),
    *("\x01\x1b[31mquux", "\x0b\x85\xa0", "quux\rquux", "quux\r\n folded", "quux\r\nquux quux"),
    *("quux\r\n: quux", "quux\nquux\xff: 1", "gzip", "br", "gzip, " * 9 + "gzip", "deflate, gzip"),
    *("application/json; charset=rot13", 'a/b; charset="', "text/html; charset=\xff", "; ="),
    *("5, 7", "2; 3", "0x2", "+2", "chunked", "chunked, gzip", "http://[::1", "http://[quux"),
    *("Thu, 01 Jan 0000 00:00:00 GMT", "Thu, 01 Jan 99999 00:00:00 GMT", "1 1 1 1 1 1"),
    *("Mon, 31 Dec 9999 23:59:59 -2359", "Thu, 01 Jan 0001 00:00:00 +2359", "Thu, 32 Jan 70 25:61"),
    *(
        "quux=1; expires=quux; max-age=quux; domain=[; path=\xff",
        "=;=;=",
        "a=b; max-age=" + "9" * 99,
    ),
)
HEADERS = [
    f"{name}: {value}\r\n{more}"
    for name in NAMES
    for value in VALUES
    for more in ("", f"{name}: 3\r\n")
]
STATUS_LINES = (
    *("HTTP/1.1 quux", "HTTP/1.1 1000 quux", "HTTP/1.1 -200 quux", "HTTP/1.1", "", "quux"),
    *("HTTP/quux 200 OK", "HTTP/9.9 200 OK", "quux\xff 200 OK", "HTTP/1.1 206 \x1b[31mquux"),
    *("HTTP/1.1 202 " + "quux" * 2_500, "HTTP/1.1 503 quux\xff", "HTTP/1.1 200 " + "quux" * 20_000),
)
HEADS = [
    *(f"HTTP/1.1 200 OK\r\n{header}" for header in HEADERS),
    *(f"{line}\r\n" for line in STATUS_LINES),
    "HTTP/1.1 200 OK\r\n" + "quux: quux\r\n" * 101,
    "HTTP/1.1 200 OK\r\nquux: " + "quux" * 20_000 + "\r\n",
]


CHUNKS = (
    "-5",
    "+2",
    "F" * 17,
    "F" * 40,
    "0x2",
    "2_0",
    "",
    ";",
    "quux",
    "2;quux",
    "9" * 5_000,
)
HEADS += [
    f"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n{encoding}\r\n{size}\r\n[!\r\n0\r\n"
    for size in CHUNKS
    for encoding in ("", "Content-Encoding: gzip\r\n")
]


def write(head, body):
    """Write a response: its own length, if it says none, and the end of the connection."""
    length = "" if "content-length:" in head.lower() else f"Content-Length: {len(body)}\r\n"
    return f"{head}{length}Connection: close\r\n\r\n{body}".encode("latin-1")


class Odd:
    """Dixa with exports of a record a window, and lists of as many pages as there are odd heads.

    Every other response is as it should be, so that a retry succeeds.
    """

    def __init__(self, heads, pages=1):
        self.heads, self.pages = heads, pages
        self.requests = count()

    def __call__(self, path):
        number = next(self.requests)
        head = self.heads[number // 2 % len(self.heads)] if number % 2 else "HTTP/1.1 200 OK\r\n"
        return write(head, json.dumps(self.answer(path)))

    def answer(self, path):
        query = dict(parse_qsl(urlsplit(path).query))
        if path.startswith("/v1/conversation_export"):
            bounds = (query["updated_after"], query["updated_before"])
            at = sum(map(int, bounds)) // 2
            return [{"id": at, "created_at": at, "updated_at": at}]
        if "export" in path:
            return []
        page = int(query.get("pageKey", 0))
        rows = {"data": [{"id": f"{path.split('?')[0]} {page}"}]}
        if page + 1 < self.pages:
            rows["meta"] = {"next": f"/v1/agents?pageKey={page + 1}"}
        return rows


FEW = HEADS[: len(HEADERS) : 37] + HEADS[len(HEADERS) :]


def odd_settings(sandbox, url, **changes):
    return settings(
        sandbox, exports_api_url=url, dixa_api_url=url, request_timeout_seconds=5, **changes
    )


def nothing_is_quoted(run):
    assert not re.findall(r"quux|unexpected|Traceback|\x1b", run.log)


@pytest.mark.parametrize("heads", [FEW, pytest.param(HEADS, marks=pytest.mark.slow)])
def test_odd_headers_of_pages_cost_a_retry_at_most(serve, run_tap, evidence, heads):
    with raw_server(Odd(heads, pages := 2 * len(heads))) as url:
        config = odd_settings(serve(), url)
        run = checks.succeeded(run_tap(config, catalog=catalog("agents")))
    assert [row["id"] for row in run.records("agents")] == [
        f"/v1/agents {page}" for page in range(pages)
    ]
    nothing_is_quoted(run)
    evidence("odd headers of pages", len(heads))


@pytest.mark.parametrize("heads", [FEW, pytest.param(HEADS, marks=pytest.mark.slow)])
def test_odd_headers_of_exports_cost_a_retry_at_most(serve, run_tap, evidence, heads):
    days = 2 * len(heads)
    with raw_server(Odd(heads)) as url:
        start = to_rfc3339(NOON - days * DAY)
        times = {"start_date": start, "end_date": to_rfc3339(NOON), "window_days": 1}
        config = odd_settings(serve(), url, **times)
        run = checks.succeeded(run_tap(config, catalog=catalog("conversations")))
    assert len({row["id"] for row in run.records("conversations")}) >= days
    nothing_is_quoted(run)
    evidence("odd headers of exports", len(heads))


@pytest.mark.parametrize(
    "shift", [0, *(pytest.param(shift, marks=pytest.mark.slow) for shift in range(1, 37, 3))]
)
def test_odd_headers_do_not_end_a_connection_test(serve, run_tap, shift):
    odd = Odd(HEADS[shift::37])
    with raw_server(odd) as url:
        run = run_tap(odd_settings(serve(), url), "--test")
    assert run.status in {0, 1}
    assert len(run.errors) == run.status
    assert "What to do:" in run.log
    nothing_is_quoted(run)


@pytest.mark.parametrize("status", [302, 404, 410])
def test_what_a_refusal_has_for_headers_does_not_matter(serve, run_tap, status):
    """Above all Location, which is not followed."""
    heads = iter(f"HTTP/1.1 {status} quux\r\nLocation: {value}\r\n" for value in VALUES)

    def respond(_):
        return write(next(heads, f"HTTP/1.1 {status}\r\n"), "{}")

    with raw_server(respond) as url:
        for _ in range(3):
            run = run_tap(odd_settings(serve(), url), catalog=catalog(*EVERY))
            line = checks.failed(run)
            assert f"({status} " in line or f" {status} " in line
            nothing_is_quoted(run)
    assert next(heads, None) is None
