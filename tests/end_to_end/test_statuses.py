"""Statuses below 300 that are no complete response."""

from __future__ import annotations

import pytest

from tests import expected
from tests.conftest import EXPORTS, catalog, settings
from tests.end_to_end import checks
from tests.end_to_end.everything import RECORDS, by_key, rows, rows_by_conversation
from tests.end_to_end.raw_http import raw_server
from tests.faults import Refusal

QUICKLY, SLOWLY = (202, 204, 205), (201, 203, 206, 207, 208, 226, 299)
LISTS = ("agents", "queue_members", "conversation_flows", "knowledge_articles", "organization")


@pytest.mark.parametrize(
    "status", [*QUICKLY, *(pytest.param(status, marks=pytest.mark.slow) for status in SLOWLY)]
)
def test_what_is_not_complete_is_retried(serve, run_tap, status):
    sandbox = serve(conversations=40, days=6)
    wanted = rows(sandbox)
    empty = Refusal(status)
    array, page = empty, empty
    if status not in {204, 205}:  # these have no body
        array, page = Refusal(status, body="[]"), Refusal(status, body='{"data": []}')
    sandbox.behaviour.faults.extend([array, empty, None, array, empty])
    # Of the first pages, of the second, of parents and of their rows. Of a list, a 204 is complete.
    pages = 0 if status == 204 else 8
    sandbox.behaviour.api_faults.extend([page, None] * pages)
    config = settings(sandbox, page_size=5, emit_activate_version_messages=True)
    run = checks.succeeded(run_tap(config, catalog=catalog(*EXPORTS, *LISTS)))
    for stream in EXPORTS:
        checks.emitted_exactly(run, stream, expected.records(sandbox.data, stream))
    for stream in LISTS:
        assert by_key(stream, run.records(stream)) == by_key(stream, wanted[stream])
    assert len(run.of("ACTIVATE_VERSION")) == len(LISTS)
    assert run.log.count(f"Dixa responded with {status}") == 4 + pages


@pytest.mark.parametrize("stream", ["activity_logs", "conversation_notes", *RECORDS])
def test_a_page_of_a_window_that_is_not_complete_is_retried(serve, run_tap, stream):
    sandbox = serve(conversations=26, days=6)
    chosen = catalog(stream)
    whole = checks.succeeded(run_tap(settings(sandbox), catalog=chosen))
    # Of the notes of a conversation, a 204 says that there are none.
    for status in (206,) if stream == "conversation_notes" else (206, 204):
        body = "" if status == 204 else '{"data": []}'
        # The first request for records is that of a catalogue.
        faults = [None, *[Refusal(status, body=body)] * 3]
        sandbox.behaviour.api_faults.extend(faults[stream == "activity_logs" :])
        run = checks.succeeded(run_tap(settings(sandbox), catalog=chosen))
        assert run.records(stream) == whole.records(stream) != []
        assert run.bookmark(stream) == whole.bookmark(stream)
        assert run.log.count(f"Dixa responded with {status}") == 3


@pytest.mark.parametrize("stream", ["conversations", "end_users", "conversation_notes"])
def test_what_is_never_complete_fails_the_stream(account_of, stream):
    config = {"page_size": 5, "emit_activate_version_messages": True}
    account = account_of(stream, config=config, conversations=26, days=6)
    if stream == "conversations":
        account.behaviour.faults.extend([Refusal(202, body="[]")] * 30)
    else:
        account.behaviour.api_faults.extend([None, *[Refusal(202, body='{"data": []}')] * 30])
    run = account.sync()
    assert "Dixa responded with 202 Accepted" in checks.failed(run)
    assert run.of("ACTIVATE_VERSION") == []
    assert len(run.records(stream)) < 7
    account.behaviour.faults.clear()
    account.behaviour.api_faults.clear()
    again = checks.succeeded(account.sync())
    if stream == "conversation_notes":
        arrived = by_key(stream, [*run.records(stream), *again.records(stream)])
        assert arrived == rows_by_conversation(account.sandbox, stream)
    elif stream == "conversations":
        checks.emitted_exactly(again, stream, expected.records(account.data, stream))


def test_what_comes_before_a_response_is_none(serve, run_tap):
    body = b'{"data": [{"id": "a"}]}'
    interim = b"".join(b"HTTP/1.1 %d Wait\r\n\r\n" % status for status in (103, 100, 102, 199))
    final = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body)
    with raw_server(lambda _: interim + final + body) as url:
        config = settings(serve(), dixa_api_url=url)
        run = checks.succeeded(run_tap(config, catalog=catalog("tags", "teams")))
    assert run.records("tags") == run.records("teams") == [{"id": "a"}]
