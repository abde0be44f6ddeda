"""The records of the exports, with their irregularities.

Fields without a value are null in one record and absent in the next; the value of a custom
field and the recipients of an email come alone or in an array.
"""

from collections.abc import Iterator
from random import Random
from typing import Any
from uuid import UUID

from tap_dixa_sandbox.desk import (
    CHAT,
    DEPOT,
    EMAIL,
    HELP,
    HOTLINE,
    PHONE,
    SHOP,
    Desk,
    sentence,
    subject,
)
from tap_dixa_sandbox.life import Life

_RECORDING_TAKES = 300_000
ANONYMIZED = "anonymized"
_PERSONAL = {
    "from",
    "to",
    "cc",
    "attached_files",
    "chat_input_answer",
    "formSubmission",
    "recording_url",
    "voicemail_url",
}


def conversation(desk: Desk, life: Life, seen: int) -> dict[str, Any]:
    """Build the record of a conversation as of a time.

    Args:
        desk: The desk it took place at.
        life: What happened.
        seen: The time, in Unix ms, not before the conversation began.
    """

    def by_then(time: int | None) -> int | None:
        return time if time is not None and time <= seen else None

    random = Random(life.bits)
    assigned, closed = by_then(life.assigned), by_then(life.closed)
    anonymized = by_then(life.anonymized)
    phone, email = life.channel in PHONE, life.channel in EMAIL
    person, agent = life.customer, life.agent if assigned else None
    tagged = desk.some_tags(random)
    score = life.rating_score if by_then(life.rated) else None
    moved = phone and closed and random.random() < 0.2
    transfer = max(closed - 30_000, life.created) if closed and moved else None
    record: dict[str, Any] = {
        "id": life.number,
        "created_at": life.created,
        "initial_channel": life.channel,
        "requester_id": person.id,
        "requester_name": ANONYMIZED if anonymized else person.name,
        "requester_email": None if anonymized or phone else person.email,
        "requester_additional_emails": [] if anonymized or phone else [f"home.{person.email}"],
        "requester_phone_number": person.phone if phone and not anonymized else None,
        "requester_additional_phone_numbers": [],
        "queued_at": life.created + 250,
        "queue_id": life.queue.id,
        "queue_name": life.queue.name,
        "closed_at": closed,
        "rating_score": score,
        "rating_message": sentence(random) if score and not anonymized else None,
        "ratings": list(_ratings(life, closed, score, random)),
        "direction": "inbound" if life.inbound else "outbound",
        "assigned_at": assigned,
        "assignee_id": agent and agent.id,
        "assignee_name": agent and agent.name,
        "assignee_email": agent and agent.email,
        "assignee_phone_number": agent and agent.phone if phone else None,
        "to_provisioned_phone_number_id": HOTLINE if phone and life.inbound else None,
        "to_provisioned_phone_number_name": "Hotline" if phone and life.inbound else None,
        "total_duration": closed and closed - life.created,
        "handling_duration": closed and (closed - life.created) // 3,
        "dixa_email_integration_id": HELP if email else None,
        "dixa_email_integration_sender_name": "Shop support" if email else None,
        "forwarding_email": SHOP if email else None,
        "facebook_page_id": "104500" if life.channel == "facebookmessenger" else None,
        "facebook_page_name": "The Shop" if life.channel == "facebookmessenger" else None,
        "widget_id": desk.widget.id if life.channel in CHAT else None,
        "widget_name": desk.widget.name if life.channel in CHAT else None,
        "tags": [tag.name for tag in tagged],
        "tags_info": [
            {"id": tag.id, "name": tag.name, "is_deactivated": tag.id in desk.deactivated_tags}
            for tag in tagged
        ],
        "conversation_wrapup_notes": [sentence(random)] if closed and score else [],
        "transferee_name": "Warehouse" if transfer else None,
        "transfer_time": transfer,
        "originating_country": random.choice(("DK", "DE", "JP", None)),
        "updated_at": life.updated(seen),
        "last_message_created_at": life.last_message(seen),
        "status": "closed" if closed else "open" if assigned else "pending",
        "transferee_number": DEPOT if transfer else None,
        "from_provisioned_phone_number_id": HOTLINE if phone and not life.inbound else None,
        "from_provisioned_phone_number_name": "Hotline" if phone and not life.inbound else None,
        "subject": subject(random) if email and not anonymized else None,
        "anonymized_at": anonymized,
        "custom_fields": list(_custom_fields(desk, random)),
        "exports_handling_duration": closed and (closed - life.created) // 4,
        "exports_first_response_time": assigned and assigned - life.created,
    }
    return _some_nulls_absent(record, life.bits)


def _ratings(
    life: Life, closed: int | None, score: int | None, random: Random
) -> Iterator[dict[str, Any]]:
    if closed is None or life.bits & 1:
        return
    rating = {
        "rating_type": life.rating_kind,
        "rating_created_timestamp": closed,
        "rating_scheduled_timestamp": closed,
        "rating_scheduled_for_timestamp": closed,
        "rating_offered_timestamp": closed,
        "rating_modified_timestamp": life.rated if score else closed,
        "rating_status": "offered",
        "rating_language": random.choice(("en", "da", "de")),
    }
    if score:
        given = {
            "rating_score": score,
            "rating_message": None,
            "rating_rated_timestamp": life.rated,
        }
        yield {**rating, **given, "rating_status": "rated"}
    else:
        yield rating
    if life.bits & 2:
        yield {
            "rating_type": "thumbs",
            "rating_created_timestamp": closed,
            "rating_status": "unscheduled" if life.bits & 4 else "cancelled",
            "rating_unscheduled_timestamp": closed if life.bits & 4 else None,
            "rating_cancelled_timestamp": None if life.bits & 4 else closed,
        }


def _custom_fields(desk: Desk, random: Random) -> Iterator[dict[str, Any]]:
    order, product, priority = desk.attributes
    values = (
        (order, "text", str(random.randrange(10**6))),
        (product, "hierarchical_select", ["Shoes", random.choice(("Running", "Hiking"))]),
        (priority, "select", random.choice(("high", ["low"]))),
    )
    for attribute, kind, value in values[: random.randrange(4)]:
        yield {
            "attribute_id": attribute.id,
            "identifier": attribute.name,
            "value": value,
            "data_type": kind,
            "archived": attribute is priority,
        }


def messages(life: Life, seen: int) -> Iterator[dict[str, Any]]:
    """Yield the records of a conversation's messages as of a time, the oldest first.

    Args:
        life: What happened.
        seen: The time, in Unix ms.
    """
    random = Random(life.bits ^ 0xD1CA)
    anonymized = life.is_anonymized(seen)
    for place, created in enumerate(life.messages):
        if created > seen:
            return
        bits = random.getrandbits(64)
        inbound = life.from_customer(place)
        author = life.customer if inbound else life.agent
        record: dict[str, Any] = {
            "id": str(UUID(int=random.getrandbits(128), version=4)),
            "csid": life.number,
            "created_at": created,
            "initial_channel": life.channel,
            "author_name": ANONYMIZED if anonymized and inbound else author.name,
            "author_email": None if anonymized and inbound else author.email,
            "direction": "inbound" if inbound else "outbound",
            "is_automated_message": life.automated(place),
            **_body(life, created, seen, inbound=inbound, bits=bits, random=random),
        }
        if anonymized:
            record["text"] = ANONYMIZED
            number = "from_phone_number" if inbound else "to_phone_number"
            for name in {*_PERSONAL, number} & record.keys():
                record[name] = None
        elif place in life.redacted and life.redacted[place].time <= seen:
            record["text"] = None
            record |= {name: [] for name in record.keys() & {"attached_files"}}
        yield _some_nulls_absent(record, bits)


def _body(  # noqa: PLR0913 (all of them shape the text)
    life: Life, created: int, seen: int, *, inbound: bool, bits: int, random: Random
) -> dict[str, Any]:
    if life.channel in PHONE:
        recording = f"https://recordings.example/{life.number}.mp3"
        voicemail = life.channel == "voicemail"
        ready = created + _RECORDING_TAKES <= seen
        caller, called = life.customer.phone, HOTLINE
        if not inbound:
            caller, called = called, caller
        return {
            "text": None,
            "from_phone_number": caller,
            "to_phone_number": called,
            "duration": random.randrange(5, 1800),
            "recording_url": recording if ready and not voicemail else None,
            "voicemail_url": recording if voicemail else None,
        }
    text = " ".join(sentence(random) for _ in range(random.randrange(1, 6)))
    if life.channel in CHAT:
        has_menu = bits & 7 == 0
        return {
            "text": text,
            "chat_input_question": "What is it about?" if has_menu else None,
            "chat_input_answer": "My order" if has_menu else None,
            "chat_menu_text": "1) Orders 2) Returns" if has_menu else None,
        }
    if life.channel not in EMAIL:
        return {"text": text}
    sender, recipient = life.customer.email, HELP
    if not inbound:
        sender, recipient = recipient, sender
    form = {"name": life.customer.name, "topic": ["order", "refund"]}
    return {
        "text": text,
        "from": sender,
        "to": [recipient] if bits & 1 else recipient,
        "cc": ["boss@shop.example"] if bits & 2 else [],
        "bcc": [],
        "attached_files": ["photo 📷.jpg"] if bits & 12 == 0 else [],
        "formSubmission": form if life.channel == "contactform" and bits & 16 else None,
    }


def _some_nulls_absent(record: dict[str, Any], bits: int) -> dict[str, Any]:
    return {
        name: value
        for place, (name, value) in enumerate(record.items())
        if value is not None or bits >> place & 1
    }
