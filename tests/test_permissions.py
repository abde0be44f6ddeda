"""Which streams are skipped, from however many threads it is reported.

What is skipped, and what is an error: `end_to_end/test_permissions.py`.
"""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest

from tap_dixa.errors import RefusedError
from tap_dixa.http.permissions import Permissions


@pytest.mark.parametrize("_", range(20))
def test_every_skipped_stream_is_reported_once_from_many_threads(_):
    streams = [f"stream_{number}" for number in range(16)]
    together, warnings = Barrier(len(streams)), []
    given = Permissions(
        lambda: [*streams, "another"], lambda text, *args: warnings.append(text % args)
    )

    def report(stream):
        together.wait()
        given.skip(stream, RefusedError("403"), begun=False)
        given.flush()

    with ThreadPoolExecutor(len(streams)) as threads:
        list(threads.map(report, streams))
    assert sorted(warnings) == sorted(f"Skipping stream {stream}: 403" for stream in streams)
