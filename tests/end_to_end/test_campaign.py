"""A random account, whose runs meet random limits, faults and kills until a calm one.

Others are drawn with ``CAMPAIGN=100 pytest -m slow tests/end_to_end/test_campaign.py``.
"""

import os
from collections import Counter
from random import Random

import pytest

from tap_dixa_sandbox.filters import Bounds
from tests.conftest import EXPORTS, HOUR, SDK_PATH, catalog, settings
from tests.end_to_end.anonymized import some
from tests.end_to_end.batches import batch_config
from tests.end_to_end.everything import BY_CONVERSATION, by_key
from tests.end_to_end.interrupted import ended
from tests.end_to_end.loaded import is_whole, rows_of
from tests.faults import BrokenResponse, Odd, Refusal

STREAMS = (*EXPORTS, "activity_logs", *BY_CONVERSATION, "analytics_records")
STATUSES = (201, 202, 206, 408, 429, 500, 502, 503, 504, 599)
BODIES = ("", "[]", '{"data": []}', "null", "{", "<h1>Moved</h1>", "[" * 5000)
BAD_ROWS = ("7", "null", "{}", "[]", '{"id": {}}', '{"id": null}', "NaN", "[" * 100_000)
FIRST = int(os.environ.get("CAMPAIGN", "0"))


class Faults:
    """Draws the fault of each request. The same requests get the same faults."""

    def __init__(self, seed):
        self._seed, self._asked = seed, Counter()
        self.share = 0.0
        """The share of requests that fail."""

    def __call__(self, request):
        self._asked[request] += 1
        random = Random(f"{self._seed} {request} {self._asked[request]}")
        if random.random() >= self.share:
            return None
        ending = random.choice([*["reset", "hangup", "stop"] * 5, "stall"])  # it takes a second
        after = random.randrange(random.choice([1, 300, 50_000]))
        framing = random.choice(["chunked", "length", "none"])
        packed, head = random.random() < 0.5, random.random() < 0.8
        refused = Refusal(random.choice(STATUSES), body=random.choice(BODIES))
        broken = BrokenResponse(ending, after, framing, packed, head)
        return random.choice([refused, broken, Odd(random.choice(BAD_ROWS))])


def drawn(random, faults):
    """Draw how Dixa behaves."""
    return {
        "conversations": random.choice([15, 40, 80]),
        "days": random.choice([3, 10, 35]),
        "late": random.choice([0, 30_000]),
        "seed": random.randrange(1_000),
        "bounds": Bounds(random.random() < 0.5, random.random() < 0.5),
        "activity_order": random.choice(["descending", "ascending", "shuffled"]),
        "longest_export_days": random.choice([None, 0.4, 1, 3, 13.3]),
        "longest_query_days": random.choice([None, 1, 7]),
        "too_long": random.choice(["504", "500", "400", "413", "cut"]),
        "draw": faults,
    }


def chosen(random, files):
    """Draw the settings of a run."""
    return {
        "window_days": random.choice([1, 2, 7, 31]),
        "lookback_seconds": random.choice([60, 600, 90_000]),
        "parallel_downloads": random.randint(1, 8),
        "request_timeout_seconds": 1,
        **random.choice([{}, {"batch_config": batch_config(files, batch_size=30)}]),
    }


@pytest.mark.parametrize(
    "seed", [FIRST, *(pytest.param(FIRST + n, marks=pytest.mark.slow) for n in range(1, 20))]
)
def test_whatever_happens_a_calm_run_has_all(account_of, start_tap, tmp_path, seed):
    random, faults = Random(seed), Faults(seed)
    streams = random.sample(STREAMS, 3)
    account = account_of(**drawn(random, faults))
    path, state = random.choice([{}, SDK_PATH]), None
    held = {stream: {} for stream in streams}
    for share in (*random.choices([0.01, 0.03, 0.1, 0.4], k=3), 0):
        faults.share = share
        config = settings(account.sandbox, **chosen(random, tmp_path / "batches"), **path)
        with (tmp_path / "log").open("w") as log:
            files = {"state": state, "catalog": catalog(*streams), "stderr": log}
            tap = start_tap(config, encoding=None, **files)
        output = b""
        if share and random.random() < 0.5:
            output = tap.stdout.read(random.randrange(200_000))
            tap.kill()
        run = ended(tap, output)
        assert run.status in {0, 1, -9}
        said = (tmp_path / "log").read_text()
        assert not any(text in said for text in ("Traceback", "unexpected"))
        for message in run.messages:
            state = message.get("value", state)
            if rows := rows_of(message):
                held[message["stream"]] |= by_key(message["stream"], rows)
        if share:
            account.wait(HOUR // 2)
            for conversation in some(account.sandbox, 1):
                account.data.anonymize(conversation["id"])
    assert run.status == 0, said
    for stream in streams:
        is_whole(account.sandbox, stream, held[stream].values())
