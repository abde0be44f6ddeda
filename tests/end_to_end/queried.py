"""The records of the Analytics and the Intelligence API, as a client sees them in a sandbox."""

from __future__ import annotations

import json
from collections import defaultdict
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

import requests

from tests.end_to_end.everything import unnoted
from tests.events import HANG
from tests.expected import iso

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tap_dixa_sandbox.server import Sandbox

ANALYTICS = ("ratings", "closed_conversations", "first_response_time")
INTELLIGENCE = {
    "closedConversations": "conversations",
    "responseTime": "conversations",
    "agentPresenceDuration": "agents",
    "aiAgentJoined": "aiagents",
}


def post(sandbox: Sandbox, path: str, body: Any, **query: Any) -> requests.Response:
    headers = {"Authorization": f"Bearer {sandbox.behaviour.token}"}
    url = f"{sandbox.url}{path}"
    return requests.post(url, json=body, params=query, headers=headers, timeout=HANG)


def analytics_body(kind: str, start: int, end: int) -> dict[str, Any]:
    period = {"_type": "Interval", "start": iso(start), "end": iso(end)}
    return {"id": kind, "timezone": "UTC", "periodFilter": period}


def analytics(sandbox: Sandbox, kind: str) -> Iterator[dict[str, Any]]:
    """Give every row of a kind, without the sandbox's noting the requests."""
    query = {"pageLimit": "300"}
    body = analytics_body(kind, sandbox.data.start, sandbox.data.now())
    with unnoted(sandbox):
        while query:
            page = post(sandbox, "/v1/analytics/records", body, **query).json()
            yield from page["data"]
            link = page.get("meta", {}).get("next", "")
            query = {name: value for name, (value,) in parse_qs(urlsplit(link).query).items()}


def intelligence_body(start: int, end: int, **pagination: Any) -> dict[str, Any]:
    interval = {"from": iso(start), "to": iso(end)}
    body = {"primaryFilter": {"period": {"interval": interval}}, "timezone": "UTC"}
    return {**body, "pagination": pagination} if pagination else body


def intelligence(sandbox: Sandbox, kind: str) -> Iterator[Any]:
    """Give every row of a kind, without the sandbox's noting the requests."""
    path = f"/beta/intelligence/{INTELLIGENCE[kind]}/records/{kind}"
    pagination: dict[str, Any] | None = {"pageLimit": 1000}
    with unnoted(sandbox):
        while pagination:
            body = intelligence_body(sandbox.data.start, sandbox.data.now(), **pagination)
            page = post(sandbox, path, body).json()
            yield from page["data"]
            key = page.get("meta", {}).get("next")
            pagination = {"pageLimit": 1000, "pageKey": key} if key else None


def text(value: Any) -> str:
    """Give what two equal values have in common, as something to count."""
    return json.dumps(value, sort_keys=True)


def bookmarks(state: dict[str, Any], stream: str) -> dict[str, str | None]:
    """Give the bookmark of each record type in a state."""
    partitions = state["bookmarks"].get(stream, {}).get("partitions", [])
    return {part["context"]["recordId"]: part.get("replication_key_value") for part in partitions}


def times_by_kind(records: list[dict[str, Any]]) -> dict[str, list[str]]:
    """Give the timestamps of each record type's records, which came in their order."""
    times = defaultdict(list)
    for record in records:
        times[record["recordId"]].append(record["timestamp"])
    assert all(mine == sorted(mine) for mine in times.values())
    return times
