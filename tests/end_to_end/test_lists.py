"""Pages and rows of the Dixa API that are none, or too large."""

import json
import zlib

import pytest

from tests.conftest import catalog, settings
from tests.end_to_end import checks, memory
from tests.end_to_end.everything import entries
from tests.faults import Refusal, page_of


def huge(status, size):
    """Make a response without rows that is small until it is decompressed, to so many MB."""
    compress = zlib.compressobj(level=1, wbits=31)
    parts = [b'{"data": [', *[b" " * (1 << 20)] * size, b"]}"]
    body = b"".join(compress.compress(part) for part in parts) + compress.flush()
    return Refusal(status, {"Content-Encoding": "gzip"}, body.decode("utf-8", "surrogateescape"))


@pytest.mark.slow
def test_a_response_that_memory_does_not_hold_is_refused(account_of, tmp_path):
    account = account_of("agents", "teams", "tags")
    refusals = [huge(200, 300), huge(400, 300)]
    account.behaviour.api_faults.extend(refusals)
    line = account.failure()
    assert account.runs[-1].records("tags")
    assert "2 of 3 streams failed" in line
    assert "agents: Dixa sent a page of more than 64 MB" in line
    assert "teams: Dixa did not accept" in line
    account.behaviour.api_faults.extend(refusals)
    chosen = catalog("agents", "teams", "tags")
    tap = memory.command(tmp_path, config=settings(account.sandbox), catalog=chosen)
    assert memory.peak_of(tap, status=1) < 250


def test_a_window_with_a_page_that_is_too_large_is_halved(account_of):
    account = account_of("activity_logs", conversations=40, days=4)
    account.behaviour.api_faults.append(huge(200, 65))
    run = account.synced()
    assert len(account.answered) == 3  # and one for each half
    checks.emitted_once(run, "activity_logs", entries(account.sandbox).values())


PRESENCE = [{"userId": "a", "connectionStatus": "Online"}, {"userId": "b"}]
SHAPES = {
    "bare": [Refusal(200, body=f" {json.dumps(PRESENCE)}")],
    "in a page": [page_of(PRESENCE)],
    "in two pages": [page_of(PRESENCE[:1], "?pageKey=1"), page_of(PRESENCE[1:])],
}


@pytest.mark.parametrize("shape", SHAPES)
def test_presence_is_read_as_either_of_dixas_pages_shows_it(account_of, shape):
    account = account_of("agent_presence", config={"emit_activate_version_messages": True})
    account.behaviour.api_faults.extend(SHAPES[shape])
    run = account.synced()
    assert run.records("agent_presence") == PRESENCE
    assert run.of("ACTIVATE_VERSION")
    account.behaviour.api_faults.extend([Refusal(200, body='{"data": {"userId": "a"}}')] * 9)
    assert "is not a page of rows" in account.failure()


UNUSABLE_ROWS = {
    "agents": ['[{"name": "x"}]'],
    "end_users": ['[{"id": null}]'],
    "queues": ['[{"id": ""}]'],
    "queue_members": ['[{"id": ""}]'],
    "teams": ['[{"id": {"id": "x"}}]'],
    "tags": ['["x"]'],
    "contact_endpoints": ['[{"address": ""}]'],
    "organization": ['{"name": "nobody"}'],
    "knowledge_articles": [
        '[{"id": "c"}]', '{"categories": [{"articles": [{"id": "a"}, {"title": "t"}]}]}'
    ],
}  # fmt: skip
"""What streams are sent, in the order in which they are synced."""


def test_a_row_that_is_none_fails_the_stream_alone(account_of):
    # It comes after the others.
    account = account_of(*UNUSABLE_ROWS, "activity_logs", conversations=10, days=3)
    account.behaviour.api_faults.extend(
        Refusal(200, body=f'{{"data": {data}}}') for sent in UNUSABLE_ROWS.values() for data in sent
    )
    line = account.failure()
    assert f"{len(UNUSABLE_ROWS)} of {len(UNUSABLE_ROWS) + 1} streams failed" in line
    assert "queues, queue_members: Dixa sent a row whose id cannot be used: " in line
    assert all(stream in line for stream in UNUSABLE_ROWS)
    assert {m["stream"] for m in account.runs[-1].of("RECORD")} == {"activity_logs"}


ROW = '"data": [{"id": "a"}]'
NO_PAGES = [
    f'{{{ROW}, "meta": "x"}}',
    f'{{{ROW}, "meta": {{"next": {{"href": "?pageKey=1"}}}}}}',
    f'{{{ROW}, "meta": {{"next": "http://[bad"}}}}',
    f'{{{ROW}, "meta": {{"next": "http://\u2100.example/"}}}}',
    '{"data": "x"}',
    '{"data": {"id": "a"}}',
    '{"message": "no"}',
    "[]",
]


def test_pages_that_are_none_are_retried_and_fail_their_streams_alone(account_of):
    account = account_of("agents", "teams", "tags")
    # The first stream gets as many as it may try, the second one the others.
    account.behaviour.api_faults.extend(Refusal(200, body=body) for body in NO_PAGES)
    line = account.failure()
    assert "1 of 3 streams failed, the others were synced: agents: /v1/agents could not be" in line
    run = account.runs[-1]
    assert run.log.count("retrying in") == len(NO_PAGES) - 1
    assert {message["stream"] for message in run.of("RECORD")} == {"teams", "tags"}


def test_the_wild_links_lead_nowhere_else(account_of, serve):
    account, other = account_of("agents"), serve()
    row = {"id": "1", "createdAt": "2021-12-01T12:46:36.5Z[GMT]"}
    link = f"{other.url}/v1/agents?pageKey=x"
    account.behaviour.api_faults.extend([page_of([row], link), page_of([], link)])
    records = account.synced().records("agents")
    assert records == [{"id": "1", "createdAt": "2021-12-01T12:46:36.500Z"}]
    assert other.answered == []
    assert [query for _, query, _ in account.answered] == [{}, {"pageKey": "x"}]
