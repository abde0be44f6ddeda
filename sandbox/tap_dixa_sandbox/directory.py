"""The lists of the Dixa API: agents, end users, teams, queues, tags and settings.

Conversations refer to their ids and names. A row can be removed, as when somebody deletes it in
Dixa; conversations still refer to it.
"""

from __future__ import annotations

from datetime import UTC, datetime
from random import Random
from typing import TYPE_CHECKING, Any

from tap_dixa_sandbox import admin
from tap_dixa_sandbox.arrivals import DAY
from tap_dixa_sandbox.configuration import Configuration
from tap_dixa_sandbox.desk import HELP, HOTLINE, Named, uuid
from tap_dixa_sandbox.knowledge import Knowledge
from tap_dixa_sandbox.times import instant

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tap_dixa_sandbox.desk import Desk, Person

    Row = dict[str, Any]

_FOUNDED = int(datetime(2016, 1, 1, tzinfo=UTC).timestamp()) * 1000
_TEAMS = {"København": range(10), "Aarhus": range(10, 20), "Night shift": range(0, 24, 5)}
_EMPTY_TEAM = "Newcomers"


class Directory:
    """All lists of the Dixa API but the activity log.

    Args:
        desk: The desk; the same desk gives the same lists.
    """

    def __init__(self, desk: Desk) -> None:
        random = Random(f"directory {desk.seed}")
        self._desk = desk
        self._end_users: Sequence[int] | None = range(desk.customers)
        self._removed: set[str] = set()
        self._removed_members: set[tuple[str, str]] = set()
        self._agents = [_agent(person, random) for person in desk.agents]
        teams = [Named(uuid(random), name) for name in (*_TEAMS, _EMPTY_TEAM)]
        self._teams = [{"id": team.id, "name": team.name} for team in teams]
        self._team_members = {
            team.id: [
                _team_member(desk.agents[place], place) for place in _TEAMS.get(team.name, ())
            ]
            for team in teams
        }
        organization = uuid(random)
        self._queues = [
            _queue(desk, place, queue, organization) for place, queue in enumerate(desk.queues)
        ]
        self._queue_members = {
            queue.id: [_queue_member(agent, place) for place, agent in enumerate(members)]
            for queue, members in zip(desk.queues, desk.members, strict=True)
        }
        self._tags = [_tag(desk, tag, random) for tag in desk.tags]
        self.contact_endpoints = admin.contact_endpoints()
        self.custom_attributes = admin.custom_attributes(desk, random)
        self.schedules = admin.schedules(random)
        self.configuration = Configuration(desk, organization, self.schedules)
        self.knowledge = Knowledge(desk)

    def agents(self) -> dict[int, Row]:
        """List the agents by number: pages must not shift when one is removed."""
        return {
            number: row for number, row in enumerate(self._agents) if row["id"] not in self._removed
        }

    def end_users(self) -> Sequence[int]:
        """List the numbers of the end users, of whom there can be many."""
        if self._end_users is None:
            self._end_users = [
                number
                for number in range(self._desk.customers)
                if self._desk.customer(number).id not in self._removed
            ]
        return self._end_users

    def end_user(self, number: int) -> Row:
        """Return the row of one end user."""
        random = Random(f"end user {self._desk.seed} {number}")
        person = self._desk.customer(number)
        row = _person(person, random)
        row["additionalEmails"] = [f"home.{person.email}"]
        if random.random() < 0.4:
            row["externalId"] = f"#{random.randrange(10**8):08d}"
        return row

    def teams(self) -> list[Row]:
        """List the teams."""
        return self._remaining(self._teams)

    def team_members(self, team: str) -> list[Row]:
        """List the agents of a team.

        Raises:
            LookupError: There is no such team.
        """
        return self._members(team, self._team_members, "id")

    def queues(self) -> list[Row]:
        """List the queues."""
        return self._remaining(self._queues)

    def queue_members(self, queue: str) -> list[Row]:
        """List the members of a queue.

        Raises:
            LookupError: There is no such queue.
        """
        return self._members(queue, self._queue_members, "agentId")

    def tags(self, *, deactivated: bool) -> list[Row]:
        """List the tags, with or without the deactivated ones."""
        return [
            tag for tag in self._remaining(self._tags) if deactivated or tag["state"] == "Active"
        ]

    def remove(self, row: str) -> None:
        """Remove an agent, an end user, a team, a queue or a tag from all lists.

        Args:
            row: Its id.
        """
        self._removed.add(row)
        self._end_users = None

    def remove_member(self, group: str, agent: str) -> None:
        """Remove an agent from a team or a queue.

        Args:
            group: The team's or queue's id.
            agent: The agent's id.
        """
        self._removed_members.add((group, agent))

    def _remaining(self, rows: list[Row], key: str = "id") -> list[Row]:
        return [row for row in rows if row[key] not in self._removed]

    def _members(self, group: str, members: dict[str, list[Row]], key: str) -> list[Row]:
        if group in self._removed:
            raise LookupError(group)
        rows = self._remaining(members[group], key)
        return [row for row in rows if (group, row[key]) not in self._removed_members]


def _person(person: Person, random: Random) -> Row:
    # Two years before the first conversation at the latest.
    created = _FOUNDED + random.randrange(700 * DAY // 1000) * 1000
    first, last = person.name.split(" ", 1)
    row: Row = {
        "id": person.id,
        "createdAt": instant(created),
        "displayName": person.name,
        "email": person.email,
        "phoneNumber": person.phone,
        "additionalEmails": [],
        "additionalPhoneNumbers": [],
        "middleNames": ["Marie"] if random.random() < 0.25 else [],
    }
    if random.random() < 0.8:
        row |= {"firstName": first, "lastName": last}
    if random.random() < 0.5:
        row["avatarUrl"] = f"https://files.example/{person.id}.png"
    return row


def _agent(person: Person, random: Random) -> Row:
    roles = ["Agent", "Administrator"] if random.random() < 0.2 else ["Agent"]
    return {**_person(person, random), "roles": roles}


def _team_member(person: Person, place: int) -> Row:
    row = {"id": person.id, "name": person.name, "email": person.email}
    return row if place % 3 else {**row, "phoneNumber": person.phone}


def _queue_member(person: Person, place: int) -> Row:
    return {"agentId": person.id} | ({"priority": 1 + place // 3} if place < 6 else {})


def _queue(desk: Desk, place: int, queue: Named, organization: str) -> Row:
    usages = {"Email": [HELP], "PstnPhone": [HOTLINE], "WidgetChat": [desk.widget.id]}
    row: Row = {
        "id": queue.id,
        "name": queue.name,
        "isDefault": place == 0,
        "organizationId": organization,
        "queueThresholds": {"SlaPercentage": 80, "SlaTimeLimit": 600} if place % 2 else {},
        "slaCalculationMethod": "AbandonedIgnored",
        "offerTimeout": 20,
        "offeringAlgorithm": "LongestIdle" if place % 2 else "AllAtOnce",
        "memberListType": "Default",
        "usages": {"queueId": queue.id, "usages": usages},
        "wrapupTimeout": 30,
        "offerAbandonedConversations": False,
        "doNotOfferTimeouts": {"WidgetChat": 60} if place % 2 else {},
        "isDoNotOfferEnabled": bool(place % 2),
        "isPreferredAgentEnabled": place == 1,
        "isRestricted": queue.name == "VIP",
    }
    if place:
        row["priority"] = place
    if place == 1:
        row["preferredAgentTimeouts"] = {"Email": 43_200, "PstnPhone": 300}
        row |= {"preferredAgentOfflineTimeout": 500, "personalAgentOfflineTimeout": 500}
    return row


def _tag(desk: Desk, tag: Named, random: Random) -> Row:
    state = "Inactive" if tag.id in desk.deactivated_tags else "Active"
    row = {"id": tag.id, "name": tag.name, "state": state}
    return row if random.random() < 0.3 else {**row, "color": f"#{random.randrange(1 << 24):06x}"}
