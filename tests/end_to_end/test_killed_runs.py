"""Runs that are killed and resumed."""

import signal
import time
from random import Random

import pytest

from tests.conftest import EXPORTS, FAST_PATH, SDK_PATH, catalog, settings
from tests.end_to_end import checks
from tests.end_to_end.interrupted import ended
from tests.end_to_end.loaded import is_whole

BACKFILL, LOG, ROWS = EXPORTS, ("activity_logs",), ("analytics_records",)
slow = pytest.mark.slow


@pytest.mark.parametrize(
    ("streams", "kills", "conversations", "days", "options"),
    [
        pytest.param(BACKFILL, 1, 400, 40, FAST_PATH, id="backfill"),
        pytest.param(BACKFILL, 6, 2500, 70, FAST_PATH, id="backfill, 6 kills", marks=slow),
        pytest.param(BACKFILL, 6, 2500, 70, SDK_PATH, id="SDK path, 6 kills", marks=slow),
        pytest.param(LOG, 1, 150, 10, FAST_PATH, id="log"),
        pytest.param(LOG, 4, 700, 10, FAST_PATH, id="log, 4 kills", marks=slow),
        pytest.param(ROWS, 4, 700, 20, FAST_PATH, id="Analytics, 4 kills", marks=slow),
    ],
)
def test_a_killed_run_goes_on_where_it_stopped(
    serve, start_tap, streams, kills, conversations, days, options
):
    sandbox = serve(conversations=conversations, days=days)
    config = settings(sandbox, window_days=-(-days // 4), **options)
    random, largest = Random(4), 1000 * conversations // (1 + kills // 2)
    runs, state = [], None
    while not runs or runs[-1].status:
        tap = start_tap(config, state=state, catalog=catalog(*streams), encoding=None)
        output = b""
        if len(runs) < kills:  # somewhere in what is being written
            output = tap.stdout.read(random.randrange(largest))
            time.sleep(random.random() / 10)
            tap.kill()
        runs.append(ended(tap, output))
        assert runs[-1].status in {0, -signal.SIGKILL}
        state = runs[-1].state if runs[-1].of("STATE") else state
    assert len(runs) > max(1, kills - 2)
    for stream in streams:
        is_whole(sandbox, stream, [record for run in runs for record in run.records(stream)])
    emitted = sum(len(run.of("RECORD")) for run in runs)
    total = sum(len(checks.loaded(stream, *runs)) for stream in streams)
    # No more than lie between two STATE messages, and in the lookback: of rows, a day.
    assert emitted - total <= (0.5 if streams is ROWS else 0.2) * total
    assert kills > 1 or emitted - total <= 150
