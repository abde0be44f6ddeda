"""What goes wrong between the tap and a random account, and odd values in what it is sent."""

import json
import re
from collections import Counter
from http import HTTPStatus
from random import Random

import msgspec

from tests.faults import BrokenResponse, Odd, Refusal

STATUSES = (*(status.value for status in HTTPStatus if status >= 300), 499, 520, 524, 529, 600, 999)
SUCCESSES = (*range(201, 208), 226, 299)
WITHOUT_A_BODY = {204, 205, 304}
HEADERS = (
    {}, {"Retry-After": "1"}, {"Retry-After": "-5"}, {"Retry-After": "9" * 30},
    {"Retry-After": "Wed, 21 Oct 2099 07:28:00 GMT"}, {"Location": "/v1/elsewhere"},
    {"Content-Encoding": "gzip"}, {"Content-Type": "text/html; charset=nowhere"},
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
CONVERSATION = re.compile(r"/(?:v1|beta)/conversations/(\d+)/")


class Faults:
    """Draws the fault of each request. The same requests get the same faults.

    Some bodies repeat the token.
    """

    def __init__(self, seed, token):
        self._seed, self._token = seed, token
        self.share = 0.0
        """The share of requests that fail."""
        self.excused = set()
        """Conversations of which a request was refused, so that rows may be missing."""
        self.drawn = []
        """What happened to which request, for whoever looks for the cause."""
        self._asked = Counter()

    def __call__(self, request):
        self._asked[request] += 1
        random = Random(f"{self._seed} {request} {self._asked[request]}")
        if random.random() >= self.share:
            return None
        fault = random.choice([self._refusal, self._refusal, broken, bad_row])(random)
        conversation = CONVERSATION.match(request)
        if conversation and isinstance(fault, Refusal):  # a 403 skips it, a 204 says it has no rows
            self.excused.add(int(conversation[1]))
        self.drawn.append(f"{request}: {fault!r:.200}")
        return fault

    def _refusal(self, random):
        status = random.choice(random.choice([STATUSES, SUCCESSES]))
        body = random.choice(BODIES)
        if random.random() < 0.5:
            body = f"{'x' * random.randrange(1_000)} Bearer {self._token} {body}"
        return Refusal(status, random.choice(HEADERS), "" if status in WITHOUT_A_BODY else body)


def broken(random):
    ending = random.choice([*["reset", "hangup", "stop"] * 5, "stall"])  # it takes a second
    after = random.randrange(random.choice([1, 300, 50_000]))
    framing = random.choice(["chunked", "length", "none"])
    return BrokenResponse(ending, after, framing, random.random() < 0.5, random.random() < 0.8)


def bad_row(random):
    return Odd(random.choice(BAD_ROWS))


def with_odd_values(share, request, rows):
    """Put odd values into a share of the rows; wherever one is read, it has the same ones."""
    catalog = request.method == "GET" and CATALOGS.search(request.url.path)
    if catalog or not isinstance(rows, list):
        return rows
    return [_odd(row, share) if isinstance(row, dict) else row for row in rows]


def _odd(row, share):
    same = row.get("id") or [value for name, value in row.items() if name.endswith("Id")] or row
    random = Random(json.dumps(same))
    if random.random() >= share:
        return row
    texts = [name for name in row if isinstance(row[name], str) and not KEPT.search(name)]
    names = [*random.sample(ODD_NAMES, 2), *texts[: random.randrange(2)]]
    return row | {name: msgspec.Raw(random.choice(ODD_VALUES).encode()) for name in names}
