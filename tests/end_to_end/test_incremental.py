from __future__ import annotations

from tests import expected
from tests.conftest import HOUR, both_paths_slowly, settings
from tests.end_to_end import checks

LOOKBACK = 600_000
LATE = 300_000


@both_paths_slowly
def test_the_second_run_emits_what_changed_and_the_third_nothing(serve, run_tap, options):
    sandbox = serve(conversations=300, days=2, late=LATE)
    clock = sandbox.data.now
    first = checks.succeeded(run_tap(settings(sandbox, **options)))
    seen = {stream: expected.records(sandbox.data, stream) for stream in expected.STREAMS}
    for stream in expected.STREAMS:
        checks.emitted_exactly(first, stream, seen[stream])

    clock.now += HOUR
    second = checks.succeeded(run_tap(settings(sandbox, **options), state=first.state))
    late = 0
    for stream in expected.STREAMS:
        bookmark = expected.milliseconds(first.bookmark(stream))
        known = expected.records(sandbox.data, stream)
        changed = {key: entry for key, entry in known.items() if seen[stream].get(key) != entry}
        again = expected.records(sandbox.data, stream, bookmark - LOOKBACK)
        assert changed.keys() <= again.keys()
        checks.emitted_exactly(second, stream, again)
        checks.bookmark_is_the_newest_emitted(second, stream)
        late += sum(
            expected.milliseconds(entry[expected.CURSORS[stream]]) < bookmark
            for entry in changed.values()
        )
        assert len(changed) > len(again) / 2
    assert late > 0  # something became visible after a newer change had been synced

    before = len(sandbox.answered)
    third = checks.succeeded(run_tap(settings(sandbox, **options), state=second.state))
    assert third.state == second.state
    # A request a stream, and two for what was anonymized or redacted meanwhile.
    assert len(sandbox.answered) - before == len(expected.STREAMS) + 2
    for stream in expected.STREAMS:
        bookmark = expected.milliseconds(second.bookmark(stream))
        again = expected.records(sandbox.data, stream, bookmark - LOOKBACK)
        checks.emitted_exactly(third, stream, again)
        assert bookmark in {
            expected.milliseconds(entry[expected.CURSORS[stream]]) for entry in again.values()
        }


@both_paths_slowly
def test_without_lookback_the_bookmarks_own_millisecond_is_emitted_again(serve, run_tap, options):
    sandbox = serve()
    first = run_tap(settings(sandbox, **options))
    second = run_tap(settings(sandbox, lookback_seconds=0, **options), state=first.state)
    checks.succeeded(second)
    for stream in expected.STREAMS:
        bookmark = expected.milliseconds(first.bookmark(stream))
        checks.emitted_exactly(second, stream, expected.records(sandbox.data, stream, bookmark))
        assert second.bookmark(stream) == first.bookmark(stream)
