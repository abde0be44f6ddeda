"""The routes of the Dixa API, under ``/v1`` and ``/beta``: all lists, notes and ratings."""

import time
from functools import cache, lru_cache
from typing import Any

import msgspec
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from tap_dixa_sandbox import activity_log, analytics, linked, notes, presence, ratings, records
from tap_dixa_sandbox.behaviour import Behaviour
from tap_dixa_sandbox.contents import Content, by_id, not_found, of
from tap_dixa_sandbox.dataset import DataSet
from tap_dixa_sandbox.filters import BadQueryError, Interval, log_interval
from tap_dixa_sandbox.life import Life
from tap_dixa_sandbox.pages import Key, Paging
from tap_dixa_sandbox.rate_limits import Bucket
from tap_dixa_sandbox.record_queries import RecordQueries, catalogue

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
        self._log_places = lru_cache(maxsize=4)(activity_log.places)
        self._bucket = Bucket()
        listed, queries = data.directory, RecordQueries(data, behaviour)
        lists: dict[str, Content] = {
            "/agents": self._agents,
            "/agents/presence": self._presence,
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
            "/conversations/{id}/linked": self._linked,
            "/conversations/{id}/notes": self._notes,
            "/conversations/{id}/ratings": self._ratings,
            **listed.configuration.contents,
            **listed.knowledge.contents,
            "/analytics/records": of(analytics.record_types()),
            "/analytics/metrics": of(analytics.metrics()),
            "/analytics/filter/{attribute}": self._filter_values,
        }
        self.routes = [
            self._route("/beta/intelligence/records", catalogue),
            self._route("/beta/intelligence/{category}/records/{id}", queries.intelligence, "POST"),
        ]
        for version in ("/v1", "/beta"):
            self.routes += [
                self._route(f"{version}{path}", content) for path, content in lists.items()
            ]
            records = f"{version}/analytics/records"
            self.routes.append(self._route(records, queries.analytics, "POST"))

    def _route(self, path: str, content: Content, method: str = "GET") -> Route:
        def respond(request: Request) -> Response:
            self._admit(request)
            return Response(msgspec.json.encode(content(request)), media_type="application/json")

        async def serve(request: Request) -> Response:
            request.state.body = await request.body()
            return await run_in_threadpool(respond, request)

        return Route(path, serve, methods=[method])

    def _admit(self, request: Request) -> None:
        behaviour = self._behaviour
        scheme, _, secret = request.headers.get("Authorization", "").rpartition(" ")
        if scheme.lower() not in {"", "bearer"} or secret != behaviour.token:
            raise HTTPException(401, "Invalid or missing credentials")
        rate, burst = behaviour.requests_per_second, behaviour.burst
        if not self._bucket.take(rate, burst, time.monotonic()):
            raise HTTPException(429, "API limit has been reached")

    def _agents(self, request: Request) -> dict[str, Any]:
        agents = self._data.directory.agents
        return _AGENTS.page(request, Key.read(request), list(agents), agents.__getitem__)

    def _presence(self, _: Request) -> list[dict[str, Any]]:
        listed = {agent["id"] for agent in self._data.directory.agents.values()}
        rows = presence.snapshot(self._data.desk, self._data.now())
        return [row for row in rows if row["userId"] in listed]

    def _end_users(self, request: Request) -> dict[str, Any]:
        listed = self._data.directory
        return _END_USERS.page(request, Key.read(request), listed.end_users, listed.end_user)

    def _tags(self, request: Request) -> dict[str, Any]:
        wanted = request.query_params.get("includeDeactivated", "false")
        if wanted not in {"true", "false"}:
            raise BadQueryError("Invalid value for: query parameter includeDeactivated")
        tags = self._data.directory.tags
        return {"data": [tag for tag in tags if wanted == "true" or tag["state"] == "Active"]}

    def _activity_log(self, request: Request) -> dict[str, Any]:
        after, before = log_interval(request.query_params)
        key = Key.read(request, after=after, before=before, as_of=self._data.now())
        interval = Interval(key.after, key.before, self._behaviour.bounds)
        order = self._behaviour.activity_order
        places = self._log_places(self._data, interval, key.as_of, order)

        @cache
        def entries(number: int) -> list[dict[str, Any]]:
            life = self._data.draw(number)
            return list(activity_log.entries(self._data.desk, life, life.seen_at(key.as_of)))

        def entry(row: int) -> dict[str, Any]:
            return entries(places[row].number)[places[row].entry]

        return _ACTIVITY_LOG.page(request, key, range(len(places)), entry)

    def _filter_values(self, request: Request) -> dict[str, Any]:
        with not_found():
            return {"data": analytics.filter_values(self._data, request.path_params["attribute"])}

    def _entries(self, request: Request) -> dict[str, Any]:
        return {"data": list(activity_log.entries(self._data.desk, *self._life(request)))}

    def _linked(self, request: Request) -> dict[str, Any]:
        return {"data": linked.rows(self._data, *self._life(request))}

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
