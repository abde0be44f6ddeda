from __future__ import annotations

from tests import expected
from tests.conftest import EXPORTS, both_paths_slowly
from tests.end_to_end import checks

LOOKBACK = 600_000
LATE = 300_000


@both_paths_slowly
def test_the_second_run_emits_what_changed_and_the_third_nothing(account_of, options):
    account = account_of(*EXPORTS, config=options, conversations=300, days=2, late=LATE)
    first = checks.succeeded(account.sync())
    seen = {stream: expected.records(account.data, stream) for stream in EXPORTS}
    for stream in EXPORTS:
        checks.emitted_exactly(first, stream, seen[stream])

    account.wait()
    second = checks.succeeded(account.sync())
    late = 0
    for stream in EXPORTS:
        bookmark = expected.milliseconds(first.bookmark(stream))
        known = expected.records(account.data, stream)
        changed = {key: entry for key, entry in known.items() if seen[stream].get(key) != entry}
        again = expected.records(account.data, stream, bookmark - LOOKBACK)
        assert changed.keys() <= again.keys()
        checks.emitted_exactly(second, stream, again)
        checks.bookmark_is_the_newest_emitted(second, stream)
        times = [entry[expected.CURSORS[stream]] for entry in changed.values()]
        late += sum(time < first.bookmark(stream) for time in times)
        assert len(changed) > len(again) / 2
    assert late > 0  # something became visible after a newer change had been synced

    third = checks.succeeded(account.sync())
    assert third.state == second.state
    # A request a stream, and two for what was anonymized or redacted meanwhile.
    assert len(account.answered) == len(EXPORTS) + 2
    for stream in EXPORTS:
        bookmark = expected.milliseconds(second.bookmark(stream))
        again = expected.records(account.data, stream, bookmark - LOOKBACK)
        checks.emitted_exactly(third, stream, again)
        checks.bookmark_is_the_newest_emitted(third, stream)


@both_paths_slowly
def test_without_lookback_the_bookmarks_own_millisecond_is_emitted_again(account_of, options):
    account = account_of(*EXPORTS, config=options)
    first, second = account.sync(), checks.succeeded(account.sync(lookback_seconds=0))
    for stream in EXPORTS:
        bookmark = expected.milliseconds(first.bookmark(stream))
        checks.emitted_exactly(second, stream, expected.records(account.data, stream, bookmark))
        assert second.bookmark(stream) == first.bookmark(stream)
