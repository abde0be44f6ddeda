"""Statuses below 300 that are no complete response."""

import pytest

from tests import expected
from tests.conftest import EXPORTS
from tests.end_to_end import checks
from tests.end_to_end.everything import RECORDS, by_key, rows
from tests.end_to_end.loaded import is_whole
from tests.end_to_end.raw_http import raw_server
from tests.faults import Refusal

QUICKLY, SLOWLY = (202, 204, 205), (201, 203, 206, 207, 208, 226, 299)
LISTS = ("agents", "queue_members", "conversation_flows", "knowledge_articles", "organization")
DELETING = {"page_size": 5, "emit_activate_version_messages": True}
EMPTY_PAGE = '{"data": []}'


@pytest.mark.parametrize(
    "status", [*QUICKLY, *(pytest.param(status, marks=pytest.mark.slow) for status in SLOWLY)]
)
def test_what_is_not_complete_is_retried(account_of, status):
    account = account_of(*EXPORTS, *LISTS, config=DELETING, conversations=40, days=6)
    wanted = rows(account.sandbox)
    bodies = ("", "") if status in {204, 205} else ("[]", EMPTY_PAGE)  # these two have none
    array, page = (Refusal(status, body=body) for body in bodies)
    account.behaviour.faults.extend([array, Refusal(status), None, array, Refusal(status)])
    # Of the first pages, of the second, of parents and of their rows. Of a list, a 204 is complete.
    pages = 0 if status == 204 else 8
    account.behaviour.api_faults.extend([page, None] * pages)
    run = checks.succeeded(account.sync())
    for stream in EXPORTS:
        checks.emitted_exactly(run, stream, expected.records(account.data, stream))
    for stream in LISTS:
        assert by_key(stream, run.records(stream)) == by_key(stream, wanted[stream])
    assert len(run.of("ACTIVATE_VERSION")) == len(LISTS)
    assert run.log.count(f"Dixa responded with {status}") == 4 + pages


@pytest.mark.parametrize("stream", ["activity_logs", "conversation_notes", *RECORDS])
def test_a_page_of_a_window_that_is_not_complete_is_retried(account_of, stream):
    account = account_of(stream, conversations=26, days=6)
    whole = checks.succeeded(account.sync())
    # Of the notes of a conversation, a 204 says that there are none.
    for status in (206,) if stream == "conversation_notes" else (206, 204):
        refusal = Refusal(status, body="" if status == 204 else EMPTY_PAGE)
        # The first request for records is that of a catalogue.
        account.behaviour.api_faults.extend([None, *[refusal] * 3][stream == "activity_logs" :])
        run = checks.succeeded(account.sync(state={"bookmarks": {}}))
        assert run.records(stream) == whole.records(stream) != []
        assert run.bookmark(stream) == whole.bookmark(stream)
        assert run.log.count(f"Dixa responded with {status}") == 3


@pytest.mark.parametrize("stream", ["tags", "conversation_ratings", "activity_logs"])
def test_a_page_without_a_body_is_requested_again(account_of, stream):
    account = account_of(stream, conversations=26, days=6)
    whole = checks.succeeded(account.sync())
    account.behaviour.api_faults.extend([Refusal(200, body="")] * 2)
    run = checks.succeeded(account.sync(state={"bookmarks": {}}))
    assert run.records(stream) == whole.records(stream) != []
    assert run.log.count("the response is damaged") == 2


@pytest.mark.parametrize("stream", ["conversations", "end_users", "conversation_notes"])
def test_what_is_never_complete_fails_the_stream(account_of, stream):
    faults = {"api_faults": [None, *[Refusal(202, body=EMPTY_PAGE)] * 30]}
    if stream == "conversations":
        faults = {"faults": [Refusal(202, body="[]")] * 30}
    account = account_of(stream, config=DELETING, conversations=26, days=6, **faults)
    run = account.sync()
    assert "Dixa responded with 202 Accepted" in checks.failed(run)
    assert run.of("ACTIVATE_VERSION") == []
    assert len(run.records(stream)) < 7
    account.behaviour.faults.clear()
    account.behaviour.api_faults.clear()
    again = checks.succeeded(account.sync())
    if stream != "end_users":
        is_whole(account.sandbox, stream, [*run.records(stream), *again.records(stream)])


def test_what_comes_before_a_response_is_none(account_of):
    body = b'{"data": [{"id": "a"}]}'
    interim = b"".join(b"HTTP/1.1 %d Wait\r\n\r\n" % status for status in (103, 100, 102, 199))
    final = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body)
    with raw_server(lambda _: interim + final + body) as url:
        run = checks.succeeded(account_of("tags", "teams").sync(dixa_api_url=url))
    assert run.records("tags") == run.records("teams") == [{"id": "a"}]
