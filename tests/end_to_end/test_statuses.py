"""Statuses between 200 and 299 that are no complete response, and 401 in the middle of a run."""

from __future__ import annotations

import pytest

from tests import expected
from tests.conftest import EXPORTS, catalog, settings
from tests.end_to_end import checks
from tests.end_to_end.everything import RECORDS, by_key, rows, rows_by_conversation
from tests.end_to_end.raw_http import raw_server
from tests.faults import Refusal

INCOMPLETE = (201, 202, 203, 205, 206, 207, 208, 226, 299)
QUICKLY = {202, 204, 205}
EACH = [
    status if status in QUICKLY else pytest.param(status, marks=pytest.mark.slow)
    for status in (*INCOMPLETE, 204)
]
LISTS = ("agents", "queue_members", "conversation_flows", "knowledge_articles", "organization")


@pytest.mark.parametrize("status", EACH)
def test_an_export_that_is_not_complete_is_retried(serve, run_tap, status):
    sandbox = serve(conversations=40, days=6)
    empty = Refusal(status)
    array = empty if status in {204, 205} else Refusal(status, body="[]")  # these have no body
    sandbox.behaviour.faults.extend([array, empty, None, array, empty])
    run = checks.succeeded(run_tap(settings(sandbox)))
    for stream in EXPORTS:
        checks.emitted_exactly(run, stream, expected.records(sandbox.data, stream))
    assert run.log.count(f"Dixa responded with {status}") == 4


@pytest.mark.parametrize("status", EACH[:-1])
def test_a_page_that_is_not_complete_is_retried(serve, run_tap, status):
    sandbox = serve(conversations=40, days=6)
    wanted = rows(sandbox)
    body = "" if status == 205 else '{"data": []}'
    # Of the first pages, of the second, of parents and of their rows.
    faults = [Refusal(status, body=body), None] * 8
    sandbox.behaviour.api_faults.extend(faults)
    config = settings(sandbox, page_size=5, emit_activate_version_messages=True)
    run = checks.succeeded(run_tap(config, catalog=catalog(*LISTS)))
    for stream in LISTS:
        assert by_key(stream, run.records(stream)) == by_key(stream, wanted[stream])
    assert len(run.of("ACTIVATE_VERSION")) == len(LISTS)
    assert run.log.count(f"Dixa responded with {status}") == 8


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
def test_what_is_never_complete_fails_the_stream(serve, run_tap, stream):
    sandbox = serve(conversations=40, days=6)
    if stream == "conversations":
        sandbox.behaviour.faults.extend([Refusal(202, body="[]")] * 30)
    else:
        sandbox.behaviour.api_faults.extend([None, *[Refusal(202, body='{"data": []}')] * 30])
    config = settings(sandbox, page_size=5, emit_activate_version_messages=True)
    run = run_tap(config, catalog=catalog(stream))
    assert "Dixa responded with 202 Accepted" in checks.failed(run)
    assert run.of("ACTIVATE_VERSION") == []
    assert len(run.records(stream)) < 7
    sandbox.behaviour.faults.clear()
    sandbox.behaviour.api_faults.clear()
    again = checks.succeeded(run_tap(config, state=run.state, catalog=catalog(stream)))
    if stream == "conversation_notes":
        arrived = by_key(stream, [*run.records(stream), *again.records(stream)])
        assert arrived == rows_by_conversation(sandbox, stream)
    elif stream == "conversations":
        checks.emitted_exactly(again, stream, expected.records(sandbox.data, stream))


@pytest.mark.parametrize("interim", [(100,), (102,), (103,), (103, 100, 102, 199)])
def test_what_comes_before_a_response_is_none(serve, run_tap, interim):
    body = b'{"data": [{"id": "a"}]}'
    head = b"".join(b"HTTP/1.1 %d Wait\r\n\r\n" % status for status in interim)
    final = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body)
    with raw_server(lambda _: head + final + body) as url:
        config = settings(serve(), dixa_api_url=url)
        run = checks.succeeded(run_tap(config, catalog=catalog("tags", "teams")))
    assert run.records("tags") == run.records("teams") == [{"id": "a"}]


UNTIL = """
from tap_dixa.__main__ import main
from tap_dixa.rate_limit import LimitedSession
send, sent = LimitedSession.send, []
def send_and_count(self, request, **options):
    sent.append(request)
    if len(sent) > {after}:
        request.headers["Authorization"] = "Bearer 0f-n0-0ne"
    return send(self, request, **options)
LimitedSession.send = send_and_count
main()
"""
"""Run the tap with a token that Dixa stops to accept after some requests."""


@pytest.mark.parametrize(
    ("streams", "after"),
    [
        (("conversations", "messages"), 1),
        (("agents", "teams"), 1),
        (("conversations", "agents"), 1),
        (("agents", "conversation_notes"), 1),
        (("queue_members",), 1),
        (("queue_members",), 2),
        (("conversation_notes",), 1),
        (("conversation_notes",), 9),
        (("knowledge_articles",), 3),
        (("conversation_flows",), 2),
        (("conversations", "analytics_records"), 1),
        (("teams", "analytics_records", "intelligence_records"), 1),
        (("teams", "activity_logs"), 1),
    ],
)
def test_a_token_that_is_no_longer_accepted_fails_what_is_left(serve, run_tap, streams, after):
    sandbox = serve(conversations=26, days=6)
    program = ["-c", UNTIL.format(after=after)]
    config = settings(sandbox, emit_activate_version_messages=True)
    run = run_tap(config, catalog=catalog(*streams), program=program)
    assert "no longer accepts api_token, which it accepted earlier" in checks.failed(run)
    assert "Skipping stream" not in run.log
    assert "is skipped" not in run.log


def test_a_token_for_one_api_alone_is_no_failure(serve, run_tap):
    both = ("conversations", "agents", "tags")
    sandbox = serve(conversations=26, days=6, forbidden={"/v1/": 401})
    run = checks.succeeded(run_tap(settings(sandbox), catalog=catalog(*both)))
    assert run.records("conversations")
    assert run.log.count("Skipping stream") == 2
    sandbox = serve(conversations=26, days=6)
    sandbox.behaviour.faults.append(Refusal(401))
    run = checks.succeeded(run_tap(settings(sandbox), catalog=catalog(*both)))
    assert run.records("agents")
    assert run.log.count("Skipping stream") == 1
