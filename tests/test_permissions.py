"""Which streams are skipped, from however many threads it is reported."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest

from tap_dixa.errors import NoAccessError, RefusedError
from tap_dixa.http.run import Permissions


def permissions(*selected):
    warnings = []
    return Permissions(lambda: selected, lambda text, *args: warnings.append(text % args)), warnings


def test_a_warning_waits_for_the_first_successful_response():
    given, warnings = permissions("tags", "teams")
    given.skip("tags", RefusedError("403"), begun=False)
    assert warnings == []
    given.flush()
    assert warnings == ["Skipping stream tags: 403"]


def test_no_access_at_all_is_one_error():
    given, warnings = permissions("tags", "teams")
    given.skip("tags", RefusedError("401"), begun=False)
    with pytest.raises(NoAccessError, match="401"):
        given.skip("teams", RefusedError("401 too"), begun=False)
    assert warnings == []


@pytest.mark.parametrize("_", range(20))
def test_every_skipped_stream_is_reported_once_from_many_threads(_):
    streams = [f"stream_{number}" for number in range(16)]
    given, warnings = permissions(*streams, "another")
    together = Barrier(len(streams))

    def report(stream):
        together.wait()
        given.skip(stream, RefusedError("403"), begun=False)
        given.flush()

    with ThreadPoolExecutor(len(streams)) as threads:
        list(threads.map(report, streams))
    assert sorted(warnings) == sorted(f"Skipping stream {stream}: 403" for stream in streams)
