"""The search for erased data costs requests only where it can find something."""

from __future__ import annotations

from copy import deepcopy

import pytest

from tests import expected
from tests.conftest import DAY, HOUR, catalog, settings
from tests.end_to_end import checks
from tests.end_to_end.anonymized import anonymize, redact
from tests.end_to_end.refreshed import LOG


def test_what_an_hourly_run_costs_without_and_with_erasure(account_of, evidence):
    account = account_of("conversations", "messages", "activity_logs", conversations=200, days=25)
    end, costs = expected.iso(account.data.now() + 4 * HOUR), []
    for happens in (account.wait, account.wait, anonymize, redact):
        happens() if happens == account.wait else happens(account.sandbox)
        checks.succeeded(account.sync(end_date=end))
        exports = sum(path.endswith("_export") for path in account.paths)
        costs.append((exports, account.paths.count(LOG), len(account.logs_asked)))
    # Requests to the Exports API, pages of the log, and requests about one conversation.
    assert costs == [(2, 1, 0), (4, 2, 0), (5, 2, 3), (6, 2, 0)]
    evidence("requests of an hourly run without erasure", sum(costs[1]))


def full_table():
    chosen = deepcopy(catalog("messages"))
    chosen["streams"][0]["replication_method"] = "FULL_TABLE"
    return chosen


@pytest.mark.parametrize(
    ("chosen", "bookmark", "searches"),
    [
        (full_table(), 1, False),
        (full_table(), -30, False),
        (catalog("messages"), -30, False),
        (catalog("messages"), 12, True),
    ],
    ids=["FULL_TABLE", "FULL_TABLE, before start_date", "before start_date", "after start_date"],
)
def test_it_searches_only_if_not_all_messages_are_exported_anyway(
    serve, run_tap, chosen, bookmark, searches
):
    sandbox = serve(conversations=60, days=30)
    value = expected.iso(sandbox.data.start + bookmark * DAY)
    mark = {"replication_key": "created_at", "replication_key_value": value}
    state = {"bookmarks": {"messages": mark}}
    run = checks.succeeded(run_tap(settings(sandbox, window_days=6), catalog=chosen, state=state))
    windows = run.log.count("messages: window ")
    assert len(checks.requests(sandbox, "conversations")) == (windows if searches else 0)
    if not searches:
        emitted = {record["id"] for record in run.records("messages")}
        assert emitted == expected.records(sandbox.data, "messages").keys()
