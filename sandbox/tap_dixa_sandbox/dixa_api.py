"""The routes of the Dixa API, under ``/v1`` and ``/beta``: all lists, notes and ratings."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import msgspec
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.routing import Route

from tap_dixa_sandbox import (
    activity_entries,
    analytics,
    conversation_messages,
    documented_forms,
    new_fields,
    notes,
    ratings,
    records,
)
from tap_dixa_sandbox.activity_log import ActivityLog
from tap_dixa_sandbox.answers import noting
from tap_dixa_sandbox.contents import by_id, not_found, of
from tap_dixa_sandbox.faults import BrokenResponse, Fault, Refusal
from tap_dixa_sandbox.filters import BadQueryError, Interval, log_interval
from tap_dixa_sandbox.pages import Key, Paging
from tap_dixa_sandbox.paths import VERSIONS, is_among
from tap_dixa_sandbox.rate_limits import Bucket, TooManyRequestsError
from tap_dixa_sandbox.record_queries import RecordQueries, catalogue
from tap_dixa_sandbox.too_long import is_too_long, too_long

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from starlette.requests import Request
    from starlette.types import ASGIApp

    from tap_dixa_sandbox.behaviour import Behaviour
    from tap_dixa_sandbox.contents import Content
    from tap_dixa_sandbox.dataset import DataSet
    from tap_dixa_sandbox.life import Life

_AGENTS = Paging(most=1000, ends_bare=True)
_END_USERS = Paging(most=1000, links_whole=True)
_ACTIVITY_LOG = Paging(most=10_000)
_WHOLE_SECONDS = 2_000
"""How much longer a request for the activity log may be to begin and end with a second, in ms."""


class DixaApi:
    """The Dixa API over a data set.

    Args:
        data: The data that it serves.
        behaviour: How it behaves.
        answered: Where it notes path, query and status of every request.
    """

    def __init__(
        self,
        data: DataSet,
        behaviour: Behaviour,
        answered: list[tuple[str, dict[str, str], int]],
    ) -> None:
        self._data = data
        self._behaviour = behaviour
        self._answered = answered
        self._log = ActivityLog(data)
        self._bucket = Bucket()
        listed = data.directory
        lists: dict[str, tuple[Content, str | None]] = {
            "/agents": (self._agents, None),
            "/endusers": (self._end_users, None),
            "/teams": (lambda _: {"data": listed.teams()}, None),
            "/teams/{id}/agents": (by_id(listed.team_members), None),
            "/queues": (lambda _: {"data": listed.queues()}, "usages"),
            "/queues/{id}/members": (by_id(listed.queue_members), None),
            "/tags": (self._tags, None),
            "/contact-endpoints": (of(listed.contact_endpoints), None),
            "/custom-attributes": (of(listed.custom_attributes), "inputDefinition"),
            "/business-hours/schedules": (of({"schedules": listed.schedules}), None),
            "/conversations/activitylog": (self._activity_log, "author"),
            "/conversations/{id}/activitylog": (self._entries, "author"),
            "/conversations/{id}/messages": (self._messages, None),
            "/conversations/{id}/notes": (self._notes, None),
            "/conversations/{id}/ratings": (self._ratings, None),
        }
        for others in (listed.configuration.contents, listed.knowledge.contents):
            lists |= {path: (content, None) for path, content in others.items()}
        queries = RecordQueries(data, behaviour)
        lists |= {
            "/analytics/records": (lambda _: {"data": analytics.record_types()}, None),
            "/analytics/metrics": (lambda _: {"data": analytics.metrics()}, None),
            "/analytics/filter/{attribute}": (self._filter_values, None),
        }
        self.routes = [
            Route(f"{version}{path}", self._serving(content, nested))
            for version in VERSIONS
            for path, (content, nested) in lists.items()
        ]
        self.routes += [
            Route(
                f"{version}/analytics/records", self._serving(queries.analytics), methods=["POST"]
            )
            for version in VERSIONS
        ]
        beta = f"{VERSIONS[1]}/intelligence"
        self.routes += [
            Route(f"{beta}/records", self._serving(catalogue)),
            Route(
                f"{beta}/{{category}}/records/{{id}}",
                self._serving(queries.intelligence),
                methods=["POST"],
            ),
        ]

    def _serving(
        self, content: Content, nested: str | None = None
    ) -> Callable[[Request], Awaitable[ASGIApp]]:
        def respond(request: Request) -> ASGIApp:
            with noting(request, self._answered) as answer:
                fault = self._admit(request)
                if isinstance(fault, Refusal):
                    answer.status = fault.status
                    return fault
                request.state.interval = 0, 0
                found = content(request)
                if self._behaviour.new_fields:
                    found["data"] = _with_new_fields(found["data"], nested)
                body = msgspec.json.encode(found)
                after, before = request.state.interval
                longest = self._behaviour.longest_query_days
                if is_too_long(after, before, longest, rounded=_WHOLE_SECONDS):
                    response = too_long(self._behaviour.too_long, body)
                    answer.status = response.status if isinstance(response, Refusal) else 200
                    return response
                answer.status = 200
            if isinstance(fault, BrokenResponse):
                return fault.responding([body])
            return Response(body, media_type="application/json")

        async def serve(request: Request) -> ASGIApp:
            request.state.body = await request.body()
            return await run_in_threadpool(respond, request)

        return serve

    def _admit(self, request: Request) -> Fault | None:
        behaviour, path = self._behaviour, request.url.path
        if is_among(path, behaviour.missing) or (
            path.startswith(VERSIONS[0]) and is_among(path, behaviour.beta_only)
        ):
            raise HTTPException(404, "Not Found")
        scheme, _, secret = request.headers.get("Authorization", "").rpartition(" ")
        if scheme.lower() not in {"", "bearer"} or secret != behaviour.token:
            raise HTTPException(401, "Invalid or missing credentials")
        rate, burst = behaviour.requests_per_second, behaviour.burst
        if not self._bucket.take(rate, burst, time.monotonic()):
            raise TooManyRequestsError
        for prefix, status in behaviour.forbidden.items():
            if is_among(path, (prefix,)):
                raise HTTPException(status, "The token does not give access to this")
        return behaviour.api_faults.popleft() if behaviour.api_faults else None

    def _agents(self, request: Request) -> dict[str, Any]:
        agents = self._data.directory.agents()
        key = Key.read(request) or Key(request.url.path)
        return _AGENTS.page(
            request, key, list(agents), lambda places: [agents[place] for place in places]
        )

    def _end_users(self, request: Request) -> dict[str, Any]:
        listed = self._data.directory
        key = Key.read(request) or Key(request.url.path)
        return _END_USERS.page(
            request, key, listed.end_users(), lambda numbers: [*map(listed.end_user, numbers)]
        )

    def _tags(self, request: Request) -> dict[str, Any]:
        wanted = request.query_params.get("includeDeactivated", "false")
        if wanted not in {"true", "false"}:
            raise BadQueryError("Invalid value for: query parameter includeDeactivated")
        return {"data": self._data.directory.tags(deactivated=wanted == "true")}

    def _activity_log(self, request: Request) -> dict[str, Any]:
        key = Key.read(request)
        if key is None:
            after, before = log_interval(request.query_params)
            key = Key(request.url.path, after=after, before=before, as_of=self._data.now())
        request.state.interval = key.after, key.before
        interval = Interval(key.after, key.before, self._behaviour.bounds)
        found = self._log.places(interval, key.as_of, self._behaviour.activity_order)
        return _ACTIVITY_LOG.page(
            request,
            key,
            range(len(found)),
            lambda some: self._log.entries([found[n] for n in some], key.as_of),
        )

    def _filter_values(self, request: Request) -> dict[str, Any]:
        with not_found():
            return {"data": analytics.filter_values(self._data, request.path_params["attribute"])}

    def _entries(self, request: Request) -> dict[str, Any]:
        return {"data": list(activity_entries.entries(self._data.desk, *self._life(request)))}

    def _messages(self, request: Request) -> dict[str, Any]:
        return {"data": conversation_messages.rows(*self._life(request))}

    def _notes(self, request: Request) -> dict[str, Any]:
        return {"data": notes.rows(*self._life(request))}

    def _ratings(self, request: Request) -> dict[str, Any]:
        life, seen = self._life(request)
        conversation = records.conversation(self._data.desk, life, seen)
        if self._behaviour.documented_forms:
            conversation = documented_forms.conversation(conversation)
        return {"data": ratings.rows(life, conversation)}

    def _life(self, request: Request) -> tuple[Life, int]:
        csid = request.path_params["id"]
        if not (csid.isascii() and csid.isdecimal()):
            raise BadQueryError("Invalid value for: path parameter conversationId")
        with not_found():
            return self._data.life(int(csid))


def _with_new_fields(data: Any, nested: str | None) -> Any:
    if isinstance(data, dict) and "id" in data:
        return new_fields.added(data, nested)
    if isinstance(data, dict):
        return {name: _with_new_fields(rows, nested) for name, rows in data.items()}
    return [new_fields.added(row, nested) if isinstance(row, dict) else row for row in data]
