"""The routes of the Dixa API, under ``/v1`` and ``/beta``: all lists, notes and ratings."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import msgspec
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.routing import Route

from tap_dixa_sandbox import activity_entries, analytics, notes, ratings, records
from tap_dixa_sandbox.activity_log import ActivityLog
from tap_dixa_sandbox.contents import by_id, not_found, of
from tap_dixa_sandbox.filters import BadQueryError, Interval, log_interval
from tap_dixa_sandbox.pages import Key, Paging
from tap_dixa_sandbox.rate_limits import Bucket, TooManyRequestsError
from tap_dixa_sandbox.record_queries import RecordQueries, catalogue

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from starlette.requests import Request

    from tap_dixa_sandbox.behaviour import Behaviour
    from tap_dixa_sandbox.contents import Content
    from tap_dixa_sandbox.dataset import DataSet
    from tap_dixa_sandbox.life import Life

_AGENTS = Paging(most=1000, ends_bare=True)
_END_USERS = Paging(most=1000, links_whole=True)
_ACTIVITY_LOG = Paging(most=10_000)


class DixaApi:
    """The Dixa API over a data set.

    Args:
        data: The data that it serves.
        behaviour: How it behaves.
    """

    def __init__(self, data: DataSet, behaviour: Behaviour) -> None:
        self._data = data
        self._behaviour = behaviour
        self._log = ActivityLog(data)
        self._bucket = Bucket()
        listed, queries = data.directory, RecordQueries(data, behaviour)
        lists: dict[str, Content] = {
            "/agents": self._agents,
            "/endusers": self._end_users,
            "/teams": of(listed.teams),
            "/teams/{id}/agents": by_id(listed.team_members.__getitem__),
            "/queues": of(listed.queues),
            "/queues/{id}/members": by_id(listed.queue_members.__getitem__),
            "/tags": self._tags,
            "/contact-endpoints": of(listed.contact_endpoints),
            "/custom-attributes": of(listed.custom_attributes),
            "/business-hours/schedules": of({"schedules": listed.schedules}),
            "/conversations/activitylog": self._activity_log,
            "/conversations/{id}/activitylog": self._entries,
            "/conversations/{id}/notes": self._notes,
            "/conversations/{id}/ratings": self._ratings,
            **listed.configuration.contents,
            **listed.knowledge.contents,
            "/analytics/records": of(analytics.record_types()),
            "/analytics/metrics": of(analytics.metrics()),
            "/analytics/filter/{attribute}": self._filter_values,
        }
        self.routes = [
            Route("/beta/intelligence/records", self._serving(catalogue)),
            self._posted("/beta/intelligence/{category}/records/{id}", queries.intelligence),
        ]
        for version in ("/v1", "/beta"):
            self.routes += [
                Route(f"{version}{path}", self._serving(content)) for path, content in lists.items()
            ]
            self.routes.append(self._posted(f"{version}/analytics/records", queries.analytics))

    def _posted(self, path: str, content: Content) -> Route:
        return Route(path, self._serving(content), methods=["POST"])

    def _serving(self, content: Content) -> Callable[[Request], Awaitable[Response]]:
        def respond(request: Request) -> Response:
            self._admit(request)
            return Response(msgspec.json.encode(content(request)), media_type="application/json")

        async def serve(request: Request) -> Response:
            request.state.body = await request.body()
            return await run_in_threadpool(respond, request)

        return serve

    def _admit(self, request: Request) -> None:
        behaviour = self._behaviour
        scheme, _, secret = request.headers.get("Authorization", "").rpartition(" ")
        if scheme.lower() not in {"", "bearer"} or secret != behaviour.token:
            raise HTTPException(401, "Invalid or missing credentials")
        rate, burst = behaviour.requests_per_second, behaviour.burst
        if not self._bucket.take(rate, burst, time.monotonic()):
            raise TooManyRequestsError

    def _agents(self, request: Request) -> dict[str, Any]:
        agents = self._data.directory.agents
        key = Key.read(request) or Key(request.url.path)
        return _AGENTS.page(
            request, key, list(agents), lambda places: [agents[place] for place in places]
        )

    def _end_users(self, request: Request) -> dict[str, Any]:
        listed = self._data.directory
        key = Key.read(request) or Key(request.url.path)
        return _END_USERS.page(
            request, key, listed.end_users, lambda numbers: [*map(listed.end_user, numbers)]
        )

    def _tags(self, request: Request) -> dict[str, Any]:
        wanted = request.query_params.get("includeDeactivated", "false")
        if wanted not in {"true", "false"}:
            raise BadQueryError("Invalid value for: query parameter includeDeactivated")
        tags = self._data.directory.tags
        return {"data": [tag for tag in tags if wanted == "true" or tag["state"] == "Active"]}

    def _activity_log(self, request: Request) -> dict[str, Any]:
        key = Key.read(request)
        if key is None:
            after, before = log_interval(request.query_params)
            key = Key(request.url.path, after=after, before=before, as_of=self._data.now())
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

    def _notes(self, request: Request) -> dict[str, Any]:
        return {"data": notes.rows(*self._life(request))}

    def _ratings(self, request: Request) -> dict[str, Any]:
        life, seen = self._life(request)
        conversation = records.conversation(self._data.desk, life, seen)
        return {"data": ratings.rows(life, conversation)}

    def _life(self, request: Request) -> tuple[Life, int]:
        csid = request.path_params["id"]
        if not (csid.isascii() and csid.isdecimal()):
            raise BadQueryError("Invalid value for: path parameter conversationId")
        with not_found():
            return self._data.life(int(csid))
