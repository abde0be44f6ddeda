"""Pages and rows of the Dixa API that are none, or too large."""

from __future__ import annotations

import json
import sys
import zlib

import pytest

from tap_dixa.http.failures import MAX_ATTEMPTS
from tests.conftest import catalog, settings
from tests.end_to_end import checks, memory
from tests.end_to_end.refreshed import entries
from tests.faults import Refusal


def huge(size):
    """Spell a page without rows that is small until it is decompressed, to so many MB."""
    compress = zlib.compressobj(level=1, wbits=31)
    parts = [b'{"data": [', *[b" " * (1 << 20)] * size, b"]}"]
    body = b"".join(compress.compress(part) for part in parts) + compress.flush()
    return {"Content-Encoding": "gzip"}, body.decode("utf-8", "surrogateescape")


@pytest.mark.slow
def test_a_response_that_memory_does_not_hold_is_refused(serve, run_tap, tmp_path):
    sandbox = serve()
    config, chosen = settings(sandbox), catalog("agents", "teams", "tags")
    refusals = [Refusal(200, *huge(300)), Refusal(400, *huge(300))]
    sandbox.behaviour.api_faults.extend(refusals)
    run = run_tap(config, catalog=chosen)
    assert run.status == 1
    assert run.records("tags")
    assert "2 of 3 streams failed" in run.errors[-1]
    assert "agents: Dixa sent a page of more than 64 MB" in run.errors[-1]
    assert "teams: Dixa did not accept" in run.errors[-1]
    options = []
    for name, content in (("config", config), ("catalog", chosen)):
        (tmp_path / name).write_text(json.dumps(content))
        options += [f"--{name}", str(tmp_path / name)]
    sandbox.behaviour.api_faults.extend(refusals)
    assert memory.peak_of([sys.executable, "-m", "tap_dixa", *options], status=1) < 250


def test_a_window_with_a_page_that_is_too_large_is_halved(account_of):
    account = account_of("activity_logs", conversations=40, days=4)
    account.behaviour.api_faults.append(Refusal(200, *huge(65)))
    run = checks.succeeded(account.sync())
    assert len(account.answered) == 3  # and one for each half
    checks.emitted_once(run, "activity_logs", entries(account.sandbox).values())


UNUSABLE_ROWS = {
    "agents": ['[{"name": "x"}]'],
    "end_users": ['[{"id": null}]'],
    "queues": ['[{"id": ""}]'],
    "queue_members": ['[{"id": ""}]'],
    "teams": ['[{"id": {"id": "x"}}]'],
    "tags": ['["x"]'],
    "custom_attributes": ["[7]"],
    "contact_endpoints": ['[{"address": ""}]'],
    "templates": ["[[]]"],
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
    run = account.sync()
    line = checks.failed(run)
    assert f"{len(UNUSABLE_ROWS)} of {len(UNUSABLE_ROWS) + 1} streams failed" in line
    assert line.count("Dixa sent a row whose") == len(UNUSABLE_ROWS)
    assert all(f"{stream}: " in line for stream in UNUSABLE_ROWS)
    assert {message["stream"] for message in run.of("RECORD")} == {"activity_logs"}


ROW = '"data": [{"id": "a"}]'
NO_PAGES = [
    f'{{{ROW}, "meta": "x"}}',
    f'{{{ROW}, "meta": []}}',
    f'{{{ROW}, "meta": {{"next": {{"href": "?pageKey=1"}}}}}}',
    f'{{{ROW}, "meta": {{"next": 7}}}}',
    f'{{{ROW}, "meta": {{"next": "http://[bad"}}}}',
    f'{{{ROW}, "meta": {{"next": "http://\u2100.example/"}}}}',
    '{"data": "x"}',
    '{"data": {"id": "a"}}',
    '{"message": "no"}',
    '{"meta": {}, "items": []}',
    "[]",
    '"x"',
]


def test_pages_that_are_none_are_retried_and_fail_their_streams_alone(account_of, evidence):
    account = account_of("agents", "teams", "tags")
    # The first stream gets as many as it may try, the second one the others.
    account.behaviour.api_faults.extend(Refusal(200, body=body) for body in NO_PAGES)
    run = account.sync()
    line = checks.failed(run)
    assert "1 of 3 streams failed, the others were synced: agents: /v1/agents could not be" in line
    assert run.log.count("retrying in") == len(NO_PAGES) - 1
    assert {message["stream"] for message in run.of("RECORD")} == {"teams", "tags"}
    assert len(NO_PAGES) > MAX_ATTEMPTS
    evidence("pages that are none, refused", len(NO_PAGES))


def test_the_wild_links_lead_nowhere_else(serve, run_tap):
    sandbox, other = serve(), serve()
    row = '{"id": "1", "createdAt": "2021-12-01T12:46:36.5Z[GMT]"}'
    link = f'"next": "{other.url}/v1/agents?pageKey=x"'
    sandbox.behaviour.api_faults.extend(
        [
            Refusal(200, body=f'{{"data": [{row}], "meta": {{{link}}}}}'),
            Refusal(200, body=f'{{"data": [], "meta": {{{link}}}}}'),
        ]
    )
    run = checks.succeeded(run_tap(settings(sandbox), catalog=catalog("agents")))
    assert run.records("agents") == [{"id": "1", "createdAt": "2021-12-01T12:46:36.500Z"}]
    assert other.answered == []
    assert [query for _, query, _ in sandbox.answered] == [{}, {"pageKey": "x"}]
