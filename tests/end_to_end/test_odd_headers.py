"""Odd headers and status lines: none of them ends a run, is quoted in the log, or hangs it."""

import json
import re
from itertools import count
from urllib.parse import parse_qsl, urlsplit

import pytest

from tests.conftest import DAY, NOON, catalog, settings
from tests.end_to_end import checks
from tests.end_to_end.everything import EVERY
from tests.end_to_end.raw_http import raw_server
from tests.expected import iso

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
    *("quux=1; expires=quux; max-age=quux; domain=[", "=;=;=", "a=b; max-age=" + "9" * 99),
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
SIZES = ("-5", "+2", "F" * 17, "F" * 40, "0x2", "2_0", "", ";", "quux", "2;quux", "9" * 5_000)
HEADS += [
    f"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n{encoding}\r\n{size}\r\n[!\r\n0\r\n"
    for size in SIZES
    for encoding in ("", "Content-Encoding: gzip\r\n")
]
FEW = HEADS[: len(HEADERS) : 37] + HEADS[len(HEADERS) :]


def write(head, body):
    """Write a response: its own length, if it says none, and the end of the connection."""
    length = "" if "content-length:" in head.lower() else f"Content-Length: {len(body)}\r\n"
    return f"{head}{length}Connection: close\r\n\r\n{body}".encode("latin-1")


class OddDixa:
    """Exports of a record a window, and lists of some pages; every other response has an odd head.

    As the one between them is as it should be, a retry succeeds.
    """

    def __init__(self, heads, pages=1):
        self.heads, self.pages, self.requests = heads, pages, count()

    def __call__(self, path):
        number = next(self.requests)
        head = self.heads[number // 2 % len(self.heads)] if number % 2 else "HTTP/1.1 200 OK\r\n"
        return write(head, json.dumps(self.answer(path)))

    def answer(self, path):
        query = dict(parse_qsl(urlsplit(path).query))
        if path.startswith("/v1/conversation_export"):
            at = (int(query["updated_after"]) + int(query["updated_before"])) // 2
            return [{"id": at, "created_at": at, "updated_at": at}]
        if "export" in path:
            return []
        page = int(query.get("pageKey", 0))
        following = {"next": f"/v1/agents?pageKey={page + 1}"} if page + 1 < self.pages else {}
        return {"data": [{"id": f"{path.split('?')[0]} {page}"}], "meta": following}


@pytest.fixture
def run_against(serve, run_tap):
    """Give a function that runs the tap against a server; no odd header may be in the log."""

    def run(respond, *arguments, streams=EVERY, **changes):
        with raw_server(respond) as url:
            urls = {"exports_api_url": url, "dixa_api_url": url}
            config = settings(serve(), request_timeout_seconds=5, **urls, **changes)
            done = run_tap(config, *arguments, catalog=catalog(*streams))
        assert not re.findall(r"quux|unexpected|Traceback|\x1b", done.log)
        return done

    return run


@pytest.mark.parametrize("heads", [FEW, pytest.param(HEADS[::3], marks=pytest.mark.slow)])
def test_odd_headers_cost_a_retry_at_most(run_against, heads):
    days = pages = 2 * len(heads)
    windows = {"start_date": iso(NOON - days * DAY), "end_date": iso(NOON), "window_days": 1}
    run = run_against(OddDixa(heads, pages), streams=("conversations", "agents"), **windows)
    checks.succeeded(run)
    assert len({row["id"] for row in run.records("conversations")}) >= days
    assert [row["id"] for row in run.records("agents")] == [f"/v1/agents {p}" for p in range(pages)]


@pytest.mark.parametrize("status", [302, 404])
def test_what_a_refusal_has_for_headers_does_not_matter(run_against, status):
    """Above all Location, which is not followed."""
    heads = iter(f"HTTP/1.1 {status} quux\r\nLocation: {value}\r\n" for value in VALUES)
    for _ in range(3):
        run = run_against(lambda _: write(next(heads, f"HTTP/1.1 {status}\r\n"), "{}"))
        line = checks.failed(run)
        assert f"({status} " in line or f" {status} " in line
    assert next(heads, None) is None
