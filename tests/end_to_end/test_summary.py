"""The log of a run: little of it while all is well, and at its end what was done."""

import json
import re
import signal
import subprocess

import pytest

from tap_dixa.download.windows import MARGIN
from tests import expected
from tests.conftest import HOUR, NOON, catalog, settings
from tests.end_to_end import checks
from tests.end_to_end.batches import batch_config
from tests.end_to_end.interrupted import read_until
from tests.events import HANG
from tests.expected import iso
from tests.faults import BrokenResponse

ROW = re.compile(
    r"(?P<stream>\w+) +(?P<records>[\d,]+)"
    r"(?:  (?P<start>\d{4}-\d\d-\d\d \d\d:\d\d)  (?P<end>\d{4}-\d\d-\d\d \d\d:\d\d))?"
    r" +(?P<seconds>[\d,]+\.\d)(?:  (?P<ended>skipped|failed|stopped))?"
)


def said(log):
    """Give what the log lines say, without what precedes the messages."""
    return [line.split(" | ", 3)[3] for line in log.splitlines() if line.count(" | ") >= 3]


def shown(time):
    """Write a time in Unix ms as the lines have it."""
    return iso(time)[:16].replace("T", " ")


def summary(log):
    """Give the rows by their streams, and the lines after them; see that all are narrow."""
    lines = said(log)
    (head,) = (n for n, line in enumerate(lines) if line.startswith("Stream  "))
    end = next((n for n, line in enumerate(lines) if line.startswith("Stopped by")), len(lines))
    errors = [n for n, line in enumerate(log.splitlines()) if "| ERROR " in line]
    lines = lines[head : errors[0] if errors else end]
    assert all(len(line) <= 100 for line in lines)
    rows = [ROW.fullmatch(line) for line in lines[1:]]
    rows = {row["stream"]: row for row in rows if row}
    # Numbers are aligned with the head.
    last = lines[0].index("Seconds") + len("Seconds")
    assert {row.end("seconds") for row in rows.values()} == {last}
    return rows, " ".join(line.strip() for line in lines[1 + len(rows) :])


def test_a_run_ends_with_what_it_did_and_what_the_next_one_will_do(account_of):
    account = account_of("conversations", "messages", "agents", "business_hours_definitions")
    run = account.synced()
    rows, rest = summary(run.log)
    total = 0
    for stream in ("conversations", "messages", "agents", "business_hours_definitions"):
        total += len(run.records(stream))
        assert rows[stream]["records"] == f"{len(run.records(stream)):,}"
        assert rows[stream]["ended"] is None
    assert rows["Total"]["records"] == f"{total:,}"
    assert rows["messages"]["start"] == shown(account.data.start)
    assert rows["messages"]["end"] == shown(NOON + 3 * HOUR)
    assert rows["agents"]["start"] is None
    account.synced()
    asked = checks.requests(account.sandbox, "messages")[-1]["created_after"]
    assert f"messages from {shown(int(asked) + MARGIN)}" in rest
    assert rest.endswith("full-table streams whole")


def test_a_window_is_logged_if_there_are_several_and_an_hourly_run_logs_little(account_of):
    account = account_of("conversations", "messages", "activity_logs", days=40)
    first = account.synced()
    assert sum(f"messages: window {number} of 2, " in first.log for number in (1, 2)) == 2
    account.wait(HOUR)
    second = account.synced()
    assert "window" not in second.log
    for run in (first, second):
        assert "METRIC" not in run.log
        assert " left" not in run.log
    assert len(second.log.splitlines()) <= 16


LOG_CONFIG = """
version: 1
disable_existing_loggers: false
loggers:
  singer_sdk.metrics: {level: INFO}
"""


@pytest.mark.parametrize("asked", ["TAP_DIXA_LOGLEVEL", "SINGER_SDK_LOG_CONFIG"])
def test_who_asks_for_metrics_gets_them(account_of, tmp_path, asked):
    (tmp_path / "log.yaml").write_text(LOG_CONFIG)
    value = "DEBUG" if asked == "TAP_DIXA_LOGLEVEL" else str(tmp_path / "log.yaml")
    run = account_of("tags").synced(environment={asked: value})
    assert '"metric":"record_count"' in run.log
    assert '"metric":"http_request_duration"' in run.log


def test_records_are_counted_as_they_are_emitted(account_of, tmp_path):
    maps = {"stream_maps": {"messages": {"__filter__": "direction == 'inbound'"}}}
    batches = {"batch_config": batch_config(tmp_path)}
    account = account_of("conversations", "messages", "tags")
    run = account.synced(**maps)
    rows, _ = summary(run.log)
    assert rows["messages"]["records"] == f"{len(run.records('messages')):,}"
    plain = rows["conversations"]["records"], rows["tags"]["records"]
    rows, _ = summary(account.synced(state={}, **batches, **maps).log)
    assert rows["messages"]["records"] == f"{len(run.records('messages')):,}"
    assert (rows["conversations"]["records"], rows["tags"]["records"]) == plain


def test_skipped_and_failed_streams_are_named_with_their_reasons(account_of):
    account = account_of(
        *("teams", "team_members", "tags", "agents", "templates"),
        missing={"/v1/teams", "/v1/templates"},
        forbidden={"/v1/agents": 403},
    )
    run = account.sync()
    rows, rest = summary(run.log)
    ended = {stream: row["ended"] for stream, row in rows.items()}
    assert ended == {
        **dict.fromkeys(("agents", "templates"), "skipped"),
        **dict.fromkeys(("teams", "team_members"), "failed"),
        **dict.fromkeys(("tags", "Total")),
    }
    assert "Skipped: agents: api_token has no access to this." in rest
    assert "; templates: there is nothing at this address." in rest
    line = checks.failed(run)
    assert "2 of 5 streams failed, the others were synced: teams, team_members: there is" in line
    assert line.count("there is nothing at this address") == 1
    assert run.log.splitlines()[-1] == line


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_a_run_with_what_is_known_by_then(serve, start_tap, number):
    stall = BrokenResponse("stall", 5000)
    sandbox = serve(days=40, faults=[None, None, None, stall], forbidden={"/v1/agents": 403})
    tap = start_tap(
        settings(sandbox, parallel_downloads=1),
        catalog=catalog("conversations", "messages", "agents", "tags"),
        stderr=subprocess.PIPE,
        encoding=None,
    )
    log = read_until(tap.stderr, b"messages: window 1 of 2")
    tap.send_signal(number)
    output = tap.stdout.read()
    assert tap.wait(HANG) == 128 + number
    rows, rest = summary((log + tap.stderr.read()).decode())
    messages = [json.loads(line) for line in output.splitlines()]
    assert messages[-1]["type"] == "STATE"
    for stream in ("conversations", "messages"):
        emitted = sum(m["type"] == "RECORD" and m["stream"] == stream for m in messages)
        assert rows[stream]["records"] == f"{emitted:,}"
    assert (rows["conversations"]["ended"], rows["messages"]["ended"]) == (None, "stopped")
    assert rows["messages"]["end"] < rows["conversations"]["end"]
    assert rest.startswith("Not read: agents, tags Next run: conversations from ")


@pytest.mark.parametrize(("size", "files"), [(10_000, 0), (30, 3)])
def test_a_file_that_a_signal_finds_open_does_not_count(serve, start_tap, tmp_path, size, files):
    sandbox = serve(days=40, faults=[None, BrokenResponse("stall", 5000)])
    written = batch_config(tmp_path, batch_size=size)
    tap = start_tap(
        settings(sandbox, parallel_downloads=1, batch_config=written),
        catalog=catalog("conversations"),
        stderr=subprocess.PIPE,
        encoding=None,
    )
    log = read_until(tap.stderr, b"conversations: window 1 of 2")
    tap.send_signal(signal.SIGTERM)
    assert (tap.stdout.read().count(b"BATCH"), tap.wait(HANG)) == (files, 128 + signal.SIGTERM)
    rows, rest = summary((log + tap.stderr.read()).decode())
    # A file takes whole batches, of twenty records.
    assert rows["conversations"]["records"] == str(files * 20)
    if not files:
        assert f"Next run: conversations from {expected.iso(sandbox.data.start)[:10]}" in rest
