"""Backfills that are killed and resumed."""

from __future__ import annotations

import time
from functools import partial
from random import Random

import pytest

from tests import expected
from tests.conftest import both_paths_slowly, settings
from tests.end_to_end import checks
from tests.end_to_end.killed import killed_and_resumed


def backfill(sandbox, start_tap, config, most, largest):
    """Kill a backfill some times, resume it each time; give what to count of it.

    Args:
        sandbox: Where the data are.
        start_tap: Starts a run.
        config: Its settings.
        most: How often to kill.
        largest: How many bytes to read before a kill, at most.
    """
    random = Random(4)

    def read(output):
        """After a while, or after a number of bytes: somewhere in what is being written."""
        part = output.read(random.randrange(largest))
        time.sleep(random.random() / 10)
        return part

    runs = killed_and_resumed(partial(start_tap, config), most, read)
    total, emitted, lost = 0, sum(len(run.of("RECORD")) for run in runs), 0
    for stream in expected.STREAMS:
        wanted = expected.records(sandbox.data, stream)
        checks.loaded_exactly(stream, wanted, *runs)
        total += len(wanted)
        lost += len(wanted.keys() - checks.loaded(stream, *runs).keys())
    return {
        "kills survived": len(runs) - 1,
        "records of the killed backfills": total,
        "records repeated because of the kills": emitted - total,
        "records lost because of the kills": lost,
    }


@both_paths_slowly
def test_a_killed_backfill_is_resumed_without_loss(serve, start_tap, options, evidence):
    sandbox = serve(conversations=400, days=40)
    found = backfill(sandbox, start_tap, settings(sandbox, **options), most=1, largest=400_000)
    assert found["kills survived"] == 1
    # No more than lie between two STATE messages, and in the lookback.
    assert found["records repeated because of the kills"] <= 150
    for what, count in found.items():
        evidence(what, count)


@pytest.mark.slow
@both_paths_slowly
def test_killed_again_and_again_nothing_is_lost_and_little_repeated(
    serve, start_tap, options, evidence
):
    sandbox = serve(conversations=2500, days=70)
    config = settings(sandbox, window_days=20, **options)
    found = backfill(sandbox, start_tap, config, most=6, largest=700_000)
    assert found["kills survived"] >= 4
    total = found["records of the killed backfills"]
    assert found["records repeated because of the kills"] <= 0.2 * total
    for what, count in found.items():
        evidence(what, count)
