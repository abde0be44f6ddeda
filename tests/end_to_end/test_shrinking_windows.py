"""A window that Dixa cannot export at once is requested in parts."""

from __future__ import annotations

import pytest

from tests import expected
from tests.conftest import DAY, HOUR, both_paths, catalog, settings
from tests.end_to_end import checks

DAYS = 62


def complete(run, sandbox):
    checks.succeeded(run)
    for stream in expected.STREAMS:
        checks.emitted_exactly(run, stream, expected.records(sandbox.data, stream))
        checks.bookmark_is_the_newest_emitted(run, stream)


def refused_and_served(sandbox, stream):
    path = f"/v1/{stream.removesuffix('s')}_export"
    mine = [(query, status) for asked, query, status in sandbox.answered if asked == path]
    names = [name for name in mine[0][0] if name.endswith(("_after", "_before"))]
    after, before = sorted(names)
    length = [(int(query[before]) - int(query[after]) - 2000) / DAY for query, _ in mine]
    good = [days for days, (_, status) in zip(length, mine, strict=True) if days <= 8]
    return len(mine) - len(good), good


@both_paths
@pytest.mark.parametrize("kind", ["400", pytest.param("413", marks=pytest.mark.slow)])
def test_what_is_refused_as_too_much_is_halved_at_once(serve, run_tap, kind, options):
    sandbox = serve(days=DAYS, longest_export_days=8, too_long=kind)
    run = run_tap(settings(sandbox, **options))
    complete(run, sandbox)
    for stream in expected.STREAMS:
        refused, served = refused_and_served(sandbox, stream)
        assert refused == 2  # 31 days and 15.5; from then on 7.75
        assert len(served) == 9
        assert run.log.count(f"{stream}: Dixa cannot export more than 186.0 hours at once") == 1
    assert "Set window_days to 7" in run.log


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["504", "500", "cut", "hang"])
def test_what_fails_for_its_length_is_halved_after_retries(serve, run_tap, kind):
    sandbox = serve(days=DAYS, longest_export_days=8, too_long=kind)
    run = run_tap(settings(sandbox, request_timeout_seconds=3))
    complete(run, sandbox)
    for stream in expected.STREAMS:
        refused, served = refused_and_served(sandbox, stream)
        assert refused == (3 if kind == "hang" else 5)
        assert len(served) == 9


def test_the_activity_log_is_not_affected(serve, run_tap):
    sandbox = serve(days=DAYS, longest_export_days=8, too_long="400")
    run = checks.succeeded(run_tap(settings(sandbox), catalog=catalog("activity_logs")))
    assert run.records("activity_logs")


def test_down_to_an_hour_and_then_the_stream_fails(serve, run_tap):
    sandbox = serve(conversations=50, days=20, longest_export_days=0.01, too_long="413")
    run = run_tap(settings(sandbox), catalog=catalog("conversations", "tags"))
    line = checks.failed(run)
    assert "1 of 2 streams failed, the others were synced: " in line
    assert "413" in line
    assert run.records("conversations") == []
    assert run.records("tags")
    assert len(sandbox.arrived) == 10  # 20 days and its halves down to less than an hour


def test_an_hourly_window_is_not_halved(serve, run_tap):
    sandbox = serve(conversations=50, days=20, longest_export_days=0.01, too_long="413")
    now = sandbox.data.now()
    config = settings(sandbox, start_date=expected.iso(now - HOUR), end_date=expected.iso(now))
    run = run_tap(config, catalog=catalog("conversations"))
    assert run.status == 1
    assert len(sandbox.arrived) == 1
