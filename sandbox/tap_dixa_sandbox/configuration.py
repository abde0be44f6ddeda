"""What an account has set up: its organization, AI agents, flows, templates and opening hours."""

from datetime import UTC, datetime
from random import Random
from typing import Any

from starlette.requests import Request

from tap_dixa_sandbox import contents
from tap_dixa_sandbox.arrivals import DAY
from tap_dixa_sandbox.contents import Content
from tap_dixa_sandbox.desk import AUTO_REPLY, HELP, HOTLINE, SHOP, Desk, uuid
from tap_dixa_sandbox.filters import BadQueryError
from tap_dixa_sandbox.pages import Key, Paging
from tap_dixa_sandbox.times import instant

Row = dict[str, Any]

_WRITTEN = int(datetime(2023, 3, 1, tzinfo=UTC).timestamp()) * 1000
_PHONE = "PstnPhone"
_PAGING = Paging(most=100, usual=4)
_WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday")
_TEMPLATES = {
    "Returns, 30 days": ("QuickResponse", "Hej {{requester_firstname}},\n\n30 dage 🙏"),
    "Where is it?": ("QuickResponse", "We are looking for your parcel, {{requester_firstname}}."),
    "Rückgabe": ("QuickResponse", "Bitte legen Sie den Zettel bei."),
    AUTO_REPLY: ("EmailAutoReply", "We have your message {{csid}}."),
    "Closed today": ("EmailAutoReply", "We are back tomorrow."),
}


class Configuration:
    """The rows, and the contents of their routes.

    Args:
        desk: The desk; the same desk gives the same rows.
        organization: The organization's id.
        schedules: The schedules of business hours.
    """

    def __init__(self, desk: Desk, organization: str, schedules: list[Row]) -> None:
        random = Random(f"configuration {desk.seed}")
        self._organization = {
            "id": organization,
            "name": "The Shop",
            "subdomain": "the-shop",
            "status": "Active",
            "avatarUrl": "https://files.example/shop.png",
        }
        self._ai_agents = [
            {
                "id": uuid(random),
                "name": "Mim",
                "systemUserId": uuid(random),
                "_type": "MimSupport",
            },
            {"id": uuid(random), "name": "Ada", "_type": "Ada"},
        ]
        self._flows = _flows(desk, random)
        self._templates = [_template(desk, name, random) for name in _TEMPLATES]
        self._definitions = {
            row["id"]: _definition(row, holidays=place == 0) for place, row in enumerate(schedules)
        }

    @property
    def contents(self) -> dict[str, Content]:
        """The contents of the routes, by path."""
        return {
            "/organization": contents.of(self._organization),
            "/ai-agents": contents.of(self._ai_agents),
            "/conversations/flows": self._list_flows,
            "/templates": self._list_templates,
            "/business-hours/schedules/{id}/definition": contents.by_id(
                lambda schedule: {"schedule": self._definitions[schedule]}
            ),
        }

    def _list_flows(self, request: Request) -> Row:
        channel = request.query_params.get("channel", _PHONE)
        if channel not in self._flows:
            raise BadQueryError("Invalid value for: query parameter channel")
        return {"data": self._flows[channel]}

    def _list_templates(self, request: Request) -> Row:
        return _PAGING.listed(request, Key.read(request), self._templates)


def _flows(desk: Desk, random: Random) -> dict[str, list[Row]]:
    """List the flows by the channel that they are listed for."""
    endpoints = {
        "Email": [HELP, SHOP],
        "ContactForm": [SHOP],
        "WidgetChat": [desk.widget.id],
        "Messenger": [desk.widget.id],
        "FacebookMessenger": ["104500"],
        "WhatsApp": [HOTLINE],
        _PHONE: [HOTLINE],
    }
    flows = {
        channel: [
            {
                "id": uuid(random),
                "name": f"{channel} {place}",
                "channel": channel,
                "contactEndpointId": endpoint,
            }
            for place, endpoint in enumerate(those, 1)
        ]
        for channel, those in endpoints.items()
    }
    # One flow for both, under a channel of its own or under that of calls.
    (calls,) = flows[_PHONE]
    voicemail = {**calls, "channel": "Voicemail"}
    return {
        **flows,
        "Callback": [{**calls, "channel": "Callback"}],
        "Voicemail": [voicemail, calls],
    }


def _template(desk: Desk, name: str, random: Random) -> Row:
    kind, content = _TEMPLATES[name]
    created = _WRITTEN + random.randrange(300 * DAY)
    row: Row = {
        "_type": kind,
        "id": uuid(random),
        "name": name,
        "content": content,
        "createdBy": random.choice(desk.agents).id,
        "createdAt": _with_offset(created),
    }
    if random.random() < 0.6:
        editor = random.choice(desk.agents).id
        row |= {"lastEditedBy": editor, "lastEditedAt": _with_offset(created + DAY)}
    if kind == "QuickResponse":
        row["subject"] = f"{name} {{{{csid}}}}"
        row["translations"] = [
            {"locale": "da", "content": content, "isDeactivated": False, "subject": name},
            {"locale": "uz-Arab-AF", "content": content, "isDeactivated": True},
        ]
    return row


def _with_offset(time: int) -> str:
    return instant(time).replace("Z", "+00:00")


def _definition(schedule: Row, *, holidays: bool) -> Row:
    row: Row = {"id": schedule["id"], "name": schedule["name"], "timezone": "Europe/Copenhagen"}
    row["businessHours"] = [
        {
            "name": name,
            "businessHourType": "Regular",
            "status": "Open",
            "startDate": f"2026-01-{day + 4:02d}",
            "dayOfWeek": day,
            "intervals": [{"startTime": "08:00", "endTime": "16:00"}],
        }
        for day, name in enumerate(_WEEKDAYS, 1)
    ]
    if holidays:
        row["exceptions"] = [
            {
                "name": "Nytår",
                "businessHourType": "Holiday",
                "status": "Closed",
                "startDate": "2026-01-01",
                "intervals": [],
                "recurring": {"dayOfMonth": 1, "monthOfYear": 1},
            }
        ]
    return row
