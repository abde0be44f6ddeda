"""The SQL of docs/queries.md, on a warehouse, against the same sums in Python."""

from __future__ import annotations

from collections import Counter, defaultdict
from datetime import datetime, timedelta
from statistics import fmean, median, quantiles

import duckdb
import pytest

from tests import expected, pages
from tests.end_to_end import checks

QUERIES = pages.blocks("queries.md", "sql")
CALLS = {"pstnphone", "callback", "voicemail"}

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("duckdb")]


@pytest.fixture(scope="session")
def results(warehouse):
    """Run all queries; give their rows, by heading."""
    with duckdb.connect(str(warehouse.path), read_only=True) as tables:
        found = {}
        for heading, query in QUERIES.items():
            result = tables.execute(query)
            names = [column[0] for column in result.description]
            found[heading] = [dict(zip(names, row, strict=True)) for row in result.fetchall()]
    return found


@pytest.fixture(scope="session")
def conversations(warehouse):
    return list(expected.records(warehouse.sandbox.data, "conversations").values())


@pytest.fixture(scope="session")
def log(warehouse):
    return checks.loaded("activity_logs", warehouse.first, warehouse.second).values()


def timestamp(text):
    return datetime.fromisoformat(text).replace(tzinfo=None)


def between(start, end):
    """Give the seconds from one time to another."""
    return (timestamp(end) - timestamp(start)).total_seconds()


def grouped(pairs):
    found = defaultdict(list)
    for key, value in pairs:
        found[key].append(value)
    return found


def p90(values):
    return quantiles(values, n=10, method="inclusive")[8] if len(values) > 1 else values[0]


def close(number):
    """Equal but for rounding to one decimal."""
    return pytest.approx(number, abs=0.051)


def table(rows, key, *columns):
    """Give some columns of a result by another one, decimals as floats."""

    def plain(value):
        return value if isinstance(value, int | None) else float(value)

    found = {row[key]: tuple(plain(row[column]) for column in columns) for row in rows}
    assert len(found) == len(rows)
    return found


def test_there_are_ten_and_each_says_something(results, evidence):
    assert len(results) == 10
    for heading, rows in results.items():
        assert rows, heading
        for column in rows[0]:
            assert any(row[column] is not None for row in rows), (heading, column)
    evidence("queries of the documents run in DuckDB", len(results))


def test_conversations_by_day_and_channel(results, conversations):
    rows = results["How many conversations begin, by day and channel?"]
    found = {(row["day"], row["channel"]): (row["conversations"], row["outbound"]) for row in rows}
    groups = grouped(
        ((timestamp(c["created_at"]).date(), c["initial_channel"]), c["direction"] == "outbound")
        for c in conversations
    )
    assert found == {key: (len(out), sum(out)) for key, out in groups.items()}


def test_busy_hours(results, warehouse):
    found = Counter()
    for row in results["When is the desk busy?"]:
        for kind in ("messages_in", "messages_out", "automatic"):
            found[row["weekday"], row["hour"], kind] += row[kind]
    wanted = Counter()
    for message in expected.records(warehouse.sandbox.data, "messages").values():
        inbound = message["direction"] == "inbound"
        at = timestamp(message["created_at"])
        if message["is_automated_message"]:
            wanted[at.isoweekday(), at.hour, "automatic"] += 1
        if inbound or not message["is_automated_message"]:
            wanted[at.isoweekday(), at.hour, "messages_in" if inbound else "messages_out"] += 1
    assert +found == wanted


def test_backlog(results, conversations):
    newest = max(c["updated_at"] for c in conversations)
    ages = grouped(
        (c["queue_name"], between(c["created_at"], newest) / 3600)
        for c in conversations
        if c["status"] != "closed"
    )
    nobody = Counter(
        c["queue_name"]
        for c in conversations
        if c["status"] != "closed" and not c.get("assignee_id")
    )
    found = table(
        results["What is open, and how old is it?"],
        "queue", "open_conversations", "nobody", "median_hours", "oldest_hours",
    )  # fmt: skip
    assert found == {
        queue: (len(those), nobody[queue], close(median(those)), close(max(those)))
        for queue, those in ages.items()
    }


def test_first_response(results, conversations, warehouse):
    replies = grouped(
        (message["csid"], message["created_at"])
        for message in expected.records(warehouse.sandbox.data, "messages").values()
        if message["direction"] == "outbound" and not message["is_automated_message"]
    )
    waits, asked = defaultdict(list), Counter()
    for c in conversations:
        if c["direction"] == "inbound" and c["initial_channel"] not in CALLS:
            asked[c["queue_name"]] += 1
            if c["id"] in replies:
                wait = between(c["created_at"], min(replies[c["id"]])) / 60
                waits[c["queue_name"]].append(wait)
    found = table(
        results["How long until the first response, by queue?"],
        "queue", "conversations", "answered", "median_minutes", "p90_minutes",
    )  # fmt: skip
    assert found == {
        queue: (asked[queue], len(those), close(median(those)), close(p90(those)))
        for queue, those in waits.items()
    }


def test_waits_for_an_agent(results, conversations, log):
    taken = grouped(
        (entry["conversationId"], entry["activityTimestamp"])
        for entry in log
        if entry["_type"] == "ConversationAssigned"
    )
    inbound = [c for c in conversations if c["direction"] == "inbound"]
    queued = Counter(c["initial_channel"] for c in inbound)
    waits = grouped(
        (c["initial_channel"], between(c["queued_at"], min(taken[c["id"]])))
        for c in inbound
        if c["id"] in taken
    )
    found = table(
        results["How long do customers wait for an agent?"],
        "channel", "queued", "taken", "median_seconds", "p90_seconds", "percent_in_a_minute",
    )  # fmt: skip
    assert found == {
        channel: (
            queued[channel],
            len(those),
            close(median(those)),
            close(p90(those)),
            close(100 * sum(wait <= 60 for wait in those) / queued[channel]),
        )
        for channel, those in waits.items()
    }


def test_handling_time(results, conversations):
    times = grouped(
        (c["assignee_name"], c["handling_duration"])
        for c in conversations
        if c["status"] == "closed"
    )
    found = table(
        results["How long do agents work on a conversation?"],
        "agent", "closed", "hours", "median_minutes", "p90_minutes",
    )  # fmt: skip
    assert found == {
        agent: (
            len(those),
            close(sum(those) / 3_600_000),
            close(median(those) / 60_000),
            close(p90(those) / 60_000),
        )
        for agent, those in times.items()
    }


def test_satisfaction(results, conversations):
    scores, asked = defaultdict(list), Counter()
    for c in conversations:
        for rating in c["ratings"]:
            if rating["rating_type"] == "csat":
                asked[c["queue_name"]] += 1
                if rating["rating_status"] == "rated":
                    scores[c["queue_name"]].append(rating["rating_score"])
    found = table(
        results["How satisfied are customers, by queue?"],
        "queue", "asked", "answered", "average", "percent_satisfied",
    )  # fmt: skip
    assert sum(map(len, scores.values())) > 10
    assert found == {
        queue: (
            asked[queue],
            len(those := scores[queue]),
            pytest.approx(fmean(those), abs=0.0051) if those else None,
            close(100 * sum(score >= 4 for score in those) / len(those)) if those else None,
        )
        for queue in asked
    }


def test_closings(results, log):
    wanted = defaultdict(lambda: [0, 0])
    for entry in log:
        day = timestamp(entry["activityTimestamp"]).date()
        week = wanted[day - timedelta(days=day.weekday())]
        if entry["_type"] == "ConversationClosed":
            week[0] += 1
            week[1] += "author" not in entry
    rows = results["How many conversations are closed, reopened and transferred?"]
    found = table(rows, "week", "closed", "closed_by_itself")
    assert found == {week: tuple(counts) for week, counts in wanted.items()}
    assert sum(closed for _, closed in found.values()) > 0


def test_workload_by_team(results, conversations, warehouse):
    newest = max(c["updated_at"] for c in conversations)
    week = timedelta(days=7).total_seconds()
    still, done = Counter(), Counter()
    for c in conversations:
        agent, closed = c.get("assignee_id"), c.get("closed_at")
        still[agent] += c["status"] != "closed"
        done[agent] += bool(closed) and between(closed, newest) <= week
    run = warehouse.second
    names = {team["id"]: team["name"] for team in run.records("teams")}
    teams = grouped((m["id"], names[m["teamId"]]) for m in run.records("team_members"))
    wanted = Counter(
        (team, agent["displayName"], still[agent["id"]], done[agent["id"]])
        for agent in run.records("agents")
        for team in teams[agent["id"]] or [None]
    )
    rows = results["What is the workload of each agent, by team?"]
    assert Counter(tuple(row.values()) for row in rows) == wanted


def test_contact_reasons(results, conversations):
    wanted = Counter(
        (field["identifier"], *field["value"][:2], *[None] * (2 - len(field["value"])))
        for c in conversations
        for field in c["custom_fields"]
        if field["data_type"] != "text"
    )
    rows = results["What do customers write about?"]
    found = {
        (row["attribute"].lower(), row["reason"], row["detail"]): row["conversations"]
        for row in rows
    }
    assert found == wanted
    shares = grouped((row["attribute"], float(row["percent"])) for row in rows)
    for those in shares.values():
        assert sum(those) == pytest.approx(100, abs=0.2)
