"""The activity log."""

from __future__ import annotations

from functools import partial
from random import Random

import pytest

from tests.conftest import HOUR, catalog, settings
from tests.end_to_end import checks
from tests.end_to_end.everything import by_key, rows
from tests.end_to_end.killed import killed_and_resumed
from tests.sandbox.conftest import Client

SMALL_PAGES = """
from tap_dixa.streams import activity_logs
activity_logs._PAGE_LIMIT = "1000"
from tap_dixa.__main__ import main
main()
"""


@pytest.mark.parametrize(
    ("conversations", "size", "program"),
    [
        (200, 1_000, {"program": ["-c", SMALL_PAGES]}),
        pytest.param(1400, 10_000, {}, marks=pytest.mark.slow),
    ],
    ids=["small pages", "Dixa's pages"],
)
def test_the_log_arrives_through_several_pages(serve, run_tap, conversations, size, program):
    sandbox = serve(conversations=conversations, days=20)
    run = checks.succeeded(run_tap(settings(sandbox), catalog=catalog("activity_logs"), **program))
    assert sum("pageKey" in query for _, query, _ in sandbox.answered) == 1
    path = "/v1/conversations/activitylog"
    wanted = Client(sandbox).everything(path, pageLimit=10_000)[::-1]
    records = run.records("activity_logs")
    assert len(wanted) > size
    assert {record["id"] for record in records} == {row["id"] for row in wanted}
    assert len(records) == len(wanted)
    times = [record["activityTimestamp"] for record in records]
    assert times == sorted(times)


@pytest.mark.parametrize(
    "order",
    [
        pytest.param("ascending", marks=pytest.mark.slow),
        pytest.param("descending", marks=pytest.mark.slow),
        "shuffled",
    ],
)
def test_the_log_is_emitted_in_order_whatever_order_dixa_has(serve, run_tap, order):
    sandbox = serve(conversations=90, days=4, activity_order=order, late=300_000)
    chosen = catalog("activity_logs")
    first = checks.succeeded(run_tap(settings(sandbox, window_days=2), catalog=chosen))
    checks.emitted_once(first, "activity_logs", rows(sandbox)["activity_logs"])
    sandbox.data.now.now += HOUR
    second = run_tap(settings(sandbox, window_days=2), catalog=chosen, state=first.state)
    checks.succeeded(second)
    arrived = by_key("activity_logs", first.records("activity_logs"))
    known = by_key("activity_logs", rows(sandbox)["activity_logs"])
    arrived |= by_key("activity_logs", second.records("activity_logs"))
    assert arrived == known
    assert len(second.records("activity_logs")) < len(known) / 3


@pytest.mark.parametrize(
    ("conversations", "most"), [(150, 1), pytest.param(700, 4, marks=pytest.mark.slow)]
)
def test_a_killed_run_of_the_log_goes_on_where_it_stopped(
    serve, start_tap, conversations, most, evidence
):
    sandbox = serve(conversations=conversations, days=10)
    config, chosen = settings(sandbox, window_days=4), catalog("activity_logs", "agents")
    random = Random(1)
    runs = killed_and_resumed(
        partial(start_tap, config, catalog=chosen),
        most,
        lambda output: output.read(random.randrange(1000 * conversations)),
    )
    assert len(runs) == most + 1
    records = [record for run in runs for record in run.records("activity_logs")]
    arrived = by_key("activity_logs", records)
    assert arrived == by_key("activity_logs", rows(sandbox)["activity_logs"])
    assert len(records) <= 1.2 * len(arrived)
    evidence("kills survived", most)
