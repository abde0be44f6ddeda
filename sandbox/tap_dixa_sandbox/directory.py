"""The lists of the Dixa API: agents, end users, teams, queues, tags and settings.

Conversations refer to their ids and names. A row can be removed, as when somebody deletes it in
Dixa; conversations still refer to it.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from random import Random
from typing import Any

from tap_dixa_sandbox import admin
from tap_dixa_sandbox.arrivals import DAY
from tap_dixa_sandbox.configuration import Configuration
from tap_dixa_sandbox.desk import HELP, HOTLINE, Desk, Named, Person, uuid
from tap_dixa_sandbox.knowledge import Knowledge
from tap_dixa_sandbox.times import instant

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
        self.end_users: Sequence[int] = range(desk.customers)
        """The numbers of the end users, of whom there can be many."""
        self.agents = dict(enumerate(_agent(person, random) for person in desk.agents))
        """The agents by number: pages must not shift when one is removed."""
        teams = [Named(uuid(random), name) for name in (*_TEAMS, _EMPTY_TEAM)]
        self.teams = [{"id": team.id, "name": team.name} for team in teams]
        self.team_members = {
            team.id: [
                _team_member(desk.agents[place], place) for place in _TEAMS.get(team.name, ())
            ]
            for team in teams
        }
        organization = uuid(random)
        self.queues = [
            _queue(desk, place, queue, organization) for place, queue in enumerate(desk.queues)
        ]
        self.queue_members = {
            queue.id: [_queue_member(agent, place) for place, agent in enumerate(members)]
            for queue, members in zip(desk.queues, desk.members, strict=True)
        }
        self.tags = [_tag(desk, tag, random) for tag in desk.tags]
        self.contact_endpoints = admin.contact_endpoints()
        self.custom_attributes = admin.custom_attributes(desk, random)
        self.schedules = admin.schedules(random)
        self.configuration = Configuration(desk, organization, self.schedules)
        self.knowledge = Knowledge(desk)

    def end_user(self, number: int) -> Row:
        """Return the row of one end user."""
        random = Random(f"end user {self._desk.seed} {number}")
        person = self._desk.customer(number)
        row = _person(person, random)
        row["additionalEmails"] = [f"home.{person.email}"]
        if random.random() < 0.4:
            row["externalId"] = f"#{random.randrange(10**8):08d}"
        return row

    def remove(self, row: str) -> None:
        """Remove an agent, an end user, a team, a queue or a tag from all lists.

        Args:
            row: Its id.
        """
        self.agents = {number: agent for number, agent in self.agents.items() if agent["id"] != row}
        self.end_users = [n for n in self.end_users if self._desk.customer(n).id != row]
        for rows in (self.teams, self.queues, self.tags):
            rows[:] = [kept for kept in rows if kept["id"] != row]
        for members in (self.team_members, self.queue_members):
            members.pop(row, None)
            for group in members:
                self.remove_member(group, row)

    def remove_member(self, group: str, agent: str) -> None:
        """Remove an agent from a team or a queue.

        Args:
            group: The team's or queue's id.
            agent: The agent's id.
        """
        members = self.team_members if group in self.team_members else self.queue_members
        members[group] = [
            row for row in members[group] if row.get("agentId", row.get("id")) != agent
        ]


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
