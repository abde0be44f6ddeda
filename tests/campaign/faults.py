"""What goes wrong between the tap and a sandbox, and odd values in what the sandbox sends."""

from __future__ import annotations

import json
import re
from collections import Counter
from contextlib import suppress
from http import HTTPStatus
from random import Random

import msgspec

from tests.faults import BrokenResponse
from tests.faulty_sandbox import Response

KINDS = ("status", "status", "success", "early", "broken", "damaged", "bad row", "headers")
EARLY = (100, 102, 103, 199)
SUCCESSES = (*range(201, 208), 226, 299)
STATUSES = (*(status.value for status in HTTPStatus if status >= 300), 499, 520, 524, 529, 600, 999)
HEADERS = (
    "Retry-After: 1", "Retry-After: -5", f"Retry-After: {'9' * 30}", "Retry-After: soon",
    "Retry-After: \u00b2", "Retry-After: Wed, 21 Oct 2099 07:28:00 GMT", "Date: yesterday",
    "Date: Fri, 31 Dec 9999 23:59:59 GMT", "Content-Type: text/html; charset=nowhere",
    "Content-Encoding: nothing", "Content-Encoding: gzip", "Location: /v1/elsewhere",
    "Location: http://[::1", "Set-Cookie: a=1; Max-Age=soon", "X-RateLimit-Reset: \u00bd",
    f"X-Long: {'x' * 70_000}", "\r\n".join(f"X-{number}: x" for number in range(120)),
)  # fmt: skip
BODIES = ("", "[]", '{"data": []}', "null", "{", "<h1>Moved</h1>", "\udcff\udcfe", "[" * 5000)
BAD_ROWS = ("7", "null", "{}", "[]", '"x"', '{"id": {}}', '{"id": null}', "NaN", "[" * 100_000)
ODD_NAMES = (
    "", "a.b", "a b", "NULL", "é" * 40, "x" * 300, "\U0001f600", "additional_properties", "\0",
    "__else__", "type", "0", "a\nb", "_sdc_table_version",
)  # fmt: skip
ODD_VALUES = (
    "true", "null", "1e400", "-0.0", "1" * 30, "1.5", '""', '"\\ud800"', '"\\u0000"', '"NaN"', "{}",
    "[]", "[" * 60 + "]" * 60, "[1,[2,[3]]]", '{"": {"a.b": [null, {"a": {"b": 1}}]}}',
    '"2026-02-30T00:00:00Z"', '"9999-12-31T23:59:59-23:59"',
)  # fmt: skip
KEPT = re.compile(
    "(id|Id|_at|At|[tT]ime(stamp)?|links|meta|^(address|number|ratingType|category|channel|value|field|name))$"
)
"""Fields that are never odd: keys, bookmarks, and what their records are found by."""
CATALOGS = re.compile("/(analytics|intelligence)/|/catalog$")
CONVERSATION = re.compile(r"/(?:v1|beta)/conversations/(\d+)/(\w+)")


class Faults:
    """An ASGI application in front of a sandbox's. The same requests get the same faults.

    Args:
        app: The sandbox's application.
        seed: The seed of the round.
        odd: The share of records and rows with odd values.
        refused: Conversations whose notes and ratings are always refused.
        token: What some bodies repeat.
    """

    def __init__(self, app, seed: str, odd: float, refused: set[int], token: str) -> None:
        self._app, self._seed, self._odd = app, seed, odd
        self._refused, self._token = refused, token
        self.share = 0.0
        """The share of requests that fail."""
        self.excused: set[int] = set()
        """Conversations of which a request was refused, so that rows may be missing."""
        self.drawn: list[str] = []
        """What happened to which request, for whoever looks for the cause."""
        self._asked: Counter[str] = Counter()

    async def __call__(self, scope, receive, send):
        request = f"{scope['path']}?{scope['query_string'].decode()}"
        self._asked[request] += 1
        random = Random(f"{self._seed} {request} {self._asked[request]}")
        kind = random.choice(KINDS) if random.random() < self.share else ""
        if found := CONVERSATION.match(request):
            csid, rows = int(found[1]), found[2]
            if rows in {"notes", "ratings"} and csid in self._refused:
                status = random.choice([403, 404, 410, 422])
                await self._send(status, [], b'{"message": "no"}', receive, send)
                return
            if kind in {"status", "success"}:  # a 403 skips it, a 204 says that it has no rows
                self.excused.add(csid)
        if kind:
            self.drawn.append(f"{kind} {request}")
        if kind == "early":
            send.__self__.transport.write(b"HTTP/1.1 %d Wait\r\n\r\n" % random.choice(EARLY))
        if kind in {"status", "success"}:
            status = random.choice(STATUSES if kind == "status" else SUCCESSES)
            body = random.choice(BODIES)
            if random.random() < 0.5:
                body = f"{'x' * random.randrange(1_000)} Bearer {self._token} {body}"
            body = "" if status in {204, 304} else body
            body = body.encode("utf-8", "surrogateescape")
            await self._send(status, [random.choice(HEADERS)], body, receive, send)
        else:
            await self._answer(kind, random, scope, receive, send)

    async def _send(self, status, headers, body, receive, send):
        """Send a response that the server would refuse to send, and close the connection."""
        if self.drawn:
            self.drawn[-1] += f": {status} {str(headers)[:80]} {body[:80]!r}"
        lines = [f"HTTP/1.1 {status} Status", *headers, f"Content-Length: {len(body)}"]
        head = "\r\n".join([*lines, "Connection: close", "", ""])
        send.__self__.transport.write(head.encode("latin-1") + body)
        send.__self__.transport.close()
        while (await receive())["type"] != "http.disconnect":
            pass

    async def _answer(self, kind, random, scope, receive, send):
        """Send the sandbox's own response, more or less."""
        answer = await Response.of(self._app, scope, receive, send)
        if not answer.start:
            return  # the sandbox itself broke the connection
        status, body = answer.start["status"], answer.body
        if status == 200 and self._odd:
            body = self._with_odd_values(scope, body)
        if status == 200 and kind in {"damaged", "bad row"}:
            body = damaged(body, kind, random)
        if kind == "headers":
            lines = [
                f"{name.decode()}: {value.decode()}"
                for name, value in answer.start["headers"]
                if name.lower() != b"content-length"
            ]
            await self._send(status, [*lines, random.choice(HEADERS)], body, receive, send)
        elif kind == "broken":
            ending = random.choice([*["reset", "hangup", "stop"] * 5, "stall"])  # takes a second
            after = random.randrange(max(1, len(body) - 1))
            framing = random.choice(["chunked", "length", "none"])
            packed, head = random.random() < 0.5, random.random() < 0.8
            broken = BrokenResponse(ending, after, framing, packed, head)
            with suppress(OSError):  # the tap was killed
                await broken.respond(body, receive, send.__self__.transport)
        else:
            answer.body = body
            await answer.send(send)

    def _with_odd_values(self, scope, body):
        """Put odd values into some records or rows; wherever one is read, it has the same ones."""
        try:
            content = json.loads(body)
        except ValueError:  # the sandbox itself broke the connection
            return body
        rows = content if isinstance(content, list) else content.get("data")
        catalog = scope["method"] == "GET" and CATALOGS.search(scope["path"])
        if isinstance(rows, list) and not catalog:
            rows[:] = [self._odd_row(row) if isinstance(row, dict) else row for row in rows]
        return msgspec.json.encode(content)

    def _odd_row(self, row):
        same = row.get("id") or [value for name, value in row.items() if name.endswith("Id")] or row
        random = Random(f"{self._seed} {json.dumps(same)}")
        if random.random() >= self._odd:
            return row
        texts = [name for name in row if isinstance(row[name], str) and not KEPT.search(name)]
        names = [*random.sample(ODD_NAMES, 2), *texts[: random.randrange(2)]]
        return row | {name: msgspec.Raw(random.choice(ODD_VALUES).encode()) for name in names}


def damaged(body, kind, random):
    """Damage JSON, or put something that is no record among the records."""
    if kind == "bad row" and b"[{" in body:
        return body.replace(b"[{", b"[%b,{" % random.choice(BAD_ROWS).encode(), 1)
    place = random.randrange(len(body))
    return random.choice([body[:place], body[:place] + b"\1" + body[place:], body + b"]"])
