"""The figures of the marts, computed from what the sandbox has, without the models' SQL."""

from collections import Counter, defaultdict
from datetime import UTC, datetime, timedelta
from itertools import accumulate
from zoneinfo import ZoneInfo

from tests import expected
from tests.end_to_end.everything import entries

PHONE = {"pstnphone", "callback", "voicemail"}
ZONE = ZoneInfo("Europe/Copenhagen")
"""The zone of the sandbox's schedules, which are open on weekdays from 8 to 16 o'clock."""


def utc(text):
    """Give a time as the warehouses do: in UTC, without a zone."""
    return text and datetime.fromisoformat(text).astimezone(UTC).replace(tzinfo=None)


def between(start, stop):
    """Give the seconds between two times, if both are known."""
    return (stop - start).total_seconds() if start and stop else None


class Figures:
    """What the marts must show of a sandbox, with log entries that it does not have itself."""

    def __init__(self, sandbox, more=()):
        self.conversations = expected.records(sandbox.data, "conversations")
        self.messages = [*expected.records(sandbox.data, "messages").values()]
        self.log = [*entries(sandbox).values(), *more]
        self.agents = {a["id"]: a for a in sandbox.data.directory.agents.values()}
        self.log_begins = min(utc(entry["activityTimestamp"]) for entry in self.log)
        self.messages_begin = min(utc(message["created_at"]) for message in self.messages)
        self._messages, self._log = defaultdict(list), defaultdict(list)
        for message in self.messages:
            self._messages[message["csid"]].append(message)
        for entry in self.log:
            self._log[entry["conversationId"]].append(entry)

    def all_conversations(self):
        return {csid: self.conversation(c) for csid, c in self.conversations.items()}

    def conversation(self, c):
        messages, log = self._messages[c["id"]], self._log[c["id"]]
        created, queued, closed = (utc(c.get(n)) for n in ("created_at", "queued_at", "closed_at"))
        inbound, channel = c["direction"] == "inbound", c["initial_channel"]
        by_agents = [m for m in messages if is_by_agent(m)]
        replied = min((utc(m["created_at"]) for m in by_agents), default=None)
        if not inbound or channel in PHONE or created < self.messages_begin:
            replied = None
        entered = queued or created
        taken = (
            utc(e["activityTimestamp"])
            for e in log
            if e["_type"] in {"ConversationAssigned", "ConversationClaimed"}
        )
        answered = min((time for time in taken if time >= entered), default=None)
        if not inbound or entered < self.log_begins:
            answered = None
        asked = [r for r in c["ratings"] or () if is_asked(r)]
        scored = [r for r in asked if r.get("rating_score") is not None]
        scored.sort(key=lambda r: r["rating_rated_timestamp"])
        score = scored[-1]["rating_score"] if scored else None
        wait = between(entered, answered)
        route = in_time = None
        if inbound and channel == "pstnphone":
            forwarded = c.get("transferee_name") or c.get("transferee_number")
            route = "forwarded" if forwarded else "queue" if c.get("queue_id") else "direct"
            in_time = wait is not None and wait <= 60
        local = created.replace(tzinfo=UTC).astimezone(ZONE)
        handling, total = c.get("handling_duration"), c.get("total_duration")
        return {
            "conversation_id": c["id"],
            "created_at": created,
            "updated_at": utc(c["updated_at"]),
            "queued_at": queued,
            "closed_at": closed,
            "channel": channel,
            "direction": c["direction"],
            "status": c["status"],
            "queue_id": c.get("queue_id"),
            "queue_name": c.get("queue_name"),
            "agent_id": c.get("assignee_id"),
            "agent_name": c.get("assignee_name"),
            "end_user_id": None if c.get("anonymized_at") else c["requester_id"],
            "is_anonymized": bool(c.get("anonymized_at")),
            "is_in_business_hours": local.isoweekday() <= 5 and 8 <= local.hour < 16,
            "message_count": len(messages),
            "inbound_message_count": sum(m["direction"] == "inbound" for m in messages),
            "agent_message_count": len(by_agents),
            "activity_count": len(log),
            "reopened_count": sum(e["_type"] == "ConversationReopened" for e in log),
            "transferred_count": sum(e["_type"] == "TransferSuccessful" for e in log),
            "first_response_at": replied,
            "first_response_seconds": between(created, replied),
            "answered_at": answered,
            "wait_seconds": wait,
            "handling_seconds": None if handling is None else handling / 1000,
            "total_seconds": None if total is None else total / 1000,
            "resolution_seconds": between(created, closed),
            "is_csat_asked": bool(asked),
            "csat_score": score,
            "is_csat_satisfied": None if score is None else score >= 4,
            "phone_route": route,
            "is_phone_answered_in_time": in_time,
        }

    def agents_daily(self):
        days = defaultdict(lambda: Counter(dict.fromkeys(AGENT_FIGURES, 0)))
        assigned = set()
        for entry in self.log:
            agent = {
                "ConversationAssigned": lambda e: e["attributes"]["agentId"],
                "ConversationClaimed": lambda e: e["author"]["id"],
            }.get(entry["_type"], lambda _: None)(entry)
            if agent:
                day = utc(entry["activityTimestamp"]).date()
                assigned.add((agent, day, entry["conversationId"]))
        for agent, day, _ in assigned:
            days[agent, day]["assigned_conversations"] += 1
        for c in self.conversations.values():
            agent = c.get("assignee_id")
            if c["status"] == "closed" and agent:
                day = days[agent, utc(c["closed_at"]).date()]
                day["closed_conversations"] += 1
                day["handling_seconds"] += (c.get("handling_duration") or 0) / 1000
            for r in c["ratings"] or () if agent else ():
                if is_asked(r) and r.get("rating_score") is not None:
                    day = days[agent, utc(r["rating_rated_timestamp"]).date()]
                    day["csat_answers"] += 1
                    day["csat_satisfied"] += r["rating_score"] >= 4
        by_email = {agent["email"]: id_ for id_, agent in self.agents.items()}
        for m in self.messages:
            if is_by_agent(m) and m.get("author_email") in by_email:
                agent = by_email[m["author_email"]]
                days[agent, utc(m["created_at"]).date()]["sent_messages"] += 1
        return {
            key: {"agent_name": self.agents.get(key[0], {}).get("displayName"), **figures}
            for key, figures in days.items()
        }

    def queues_hourly(self):
        hours = defaultdict(lambda: Counter(arrived=0, answered=0, closed=0))
        for c in self.all_conversations().values():
            if c["queue_id"] and c["queued_at"]:
                for what, time in (
                    ("arrived", c["queued_at"]),
                    ("answered", c["answered_at"]),
                    ("closed", c["closed_at"]),
                ):
                    if time and time >= c["queued_at"]:
                        hour = time.replace(minute=0, second=0, microsecond=0)
                        hours[c["queue_id"], hour][what] += 1
        found = {}
        every = sorted({hour for _, hour in hours})
        for queue in {queue for queue, _ in hours}:
            first = min(hour for one, hour in hours if one == queue)
            mine = [hour for hour in every if hour >= first]
            changes = (hours[queue, h]["arrived"] - hours[queue, h]["closed"] for h in mine)
            for hour, backlog in zip(mine, accumulate(changes), strict=True):
                found[queue, hour] = {**hours[queue, hour], "backlog": backlog}
        return found

    def csat_weekly(self):
        weeks = defaultdict(list)
        for c in self.conversations.values():
            for r in c["ratings"] or ():
                if is_asked(r):
                    day = utc(r["rating_offered_timestamp"]).date()
                    monday = day - timedelta(days=day.weekday())
                    weeks[monday, c.get("queue_id")].append(r.get("rating_score"))
        found = {}
        for key, asked in weeks.items():
            scores = [score for score in asked if score is not None]
            found[key] = {
                "asked": len(asked),
                "answered": len(scores),
                "satisfied": sum(score >= 4 for score in scores),
                "average_score": sum(scores) / len(scores) if scores else None,
            }
        return found


AGENT_FIGURES = (
    *("assigned_conversations", "closed_conversations", "handling_seconds"),
    *("sent_messages", "csat_answers", "csat_satisfied"),
)


def is_by_agent(message):
    return message["direction"] == "outbound" and not message.get("is_automated_message")


def is_asked(rating):
    status = (rating.get("rating_status") or "").lower()
    return rating["rating_type"].lower() == "csat" and status in {"offered", "rated"}
