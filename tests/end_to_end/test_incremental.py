from tests import expected
from tests.conftest import EXPORTS, LOOKBACK, both_paths_slowly
from tests.end_to_end import checks

LATE = 300_000


def emitted_since_its_bookmark(account, earlier, lookback=LOOKBACK):
    """The last run emitted what lies after an earlier one's bookmark or shortly before; give it."""
    emitted = {}
    for stream in EXPORTS:
        bookmark = expected.milliseconds(earlier.bookmark(stream))
        emitted[stream] = account.known(stream, bookmark - lookback)
        checks.emitted_exactly(account.runs[-1], stream, emitted[stream])
        checks.bookmark_is_the_newest_emitted(account.runs[-1], stream)
    return emitted


@both_paths_slowly
def test_the_second_run_emits_what_changed_and_the_third_nothing(account_of, options):
    account = account_of(*EXPORTS, config=options, conversations=300, days=2, late=LATE)
    first = account.synced()
    seen = {stream: account.known(stream) for stream in EXPORTS}
    for stream in EXPORTS:
        account.has_all(stream)

    account.wait()
    second, late = account.synced(), 0
    for stream, again in emitted_since_its_bookmark(account, first).items():
        known = account.known(stream).items()
        changed = {key: entry for key, entry in known if seen[stream].get(key) != entry}
        assert changed.keys() <= again.keys()
        assert len(changed) > len(again) / 2
        times = [entry[expected.CURSORS[stream]] for entry in changed.values()]
        late += sum(time < first.bookmark(stream) for time in times)
    assert late > 0  # something became visible after a newer change had been synced

    assert account.synced().state == second.state
    # A request a stream, and two for what was anonymized or redacted meanwhile.
    assert len(account.answered) == len(EXPORTS) + 2
    emitted_since_its_bookmark(account, second)


@both_paths_slowly
def test_without_lookback_the_bookmarks_own_millisecond_is_emitted_again(account_of, options):
    account = account_of(*EXPORTS, config=options)
    first = account.synced()
    account.synced(lookback_seconds=0)
    emitted_since_its_bookmark(account, first, lookback=0)
