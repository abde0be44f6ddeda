"""The ratings of a conversation as the Dixa API lists them: those of its export, in other words."""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING, Any

from tap_dixa_sandbox.desk import uuid
from tap_dixa_sandbox.times import instant

if TYPE_CHECKING:
    from tap_dixa_sandbox.life import Life

_TYPES = {"csat": "Csat", "nps": "Nps", "thumbs": "ThumbsUpOrDown"}
_CHANNELS = {
    "email": "Email",
    "widgetchat": "WidgetChat",
    "pstnphone": "PstnPhone",
    "contactform": "ContactForm",
    "whatsapp": "WhatsApp",
    "facebookmessenger": "FacebookMessenger",
    "callback": "Callback",
    "voicemail": "Voicemail",
}
_TIMES = {
    "rating_created_timestamp": "created_at",
    "rating_scheduled_timestamp": "scheduled_at",
    "rating_scheduled_for_timestamp": "scheduled_for",
    "rating_offered_timestamp": "offered_at",
    "rating_rated_timestamp": "rated_at",
    "rating_modified_timestamp": "modified_at",
    "rating_unscheduled_timestamp": "unscheduled_at",
    "rating_cancelled_timestamp": "cancelled_at",
}


def rows(life: Life, conversation: dict[str, Any]) -> list[dict[str, Any]]:
    """List the questions of a conversation's survey as the Dixa API does.

    Args:
        life: The conversation.
        conversation: Its record in the export.
    """
    survey = uuid(Random(life.bits ^ 0x5C03E))
    comment = conversation.get("rating_message")
    found = []
    for rating in conversation.get("ratings") or ():
        times = {name: rating.get(field) for field, name in _TIMES.items()}
        score = rating.get("rating_score")
        row = {
            "id": survey,
            "ratingScore": score,
            "ratingType": _TYPES[rating["rating_type"].lower()],
            "ratingComment": comment if score else None,
            "conversationChannel": _CHANNELS.get(life.channel, "Messenger"),
            "agentId": life.agent.id,
            "userId": life.customer.id,
            "ratingStatus": rating["rating_status"].capitalize(),
            "language": rating.get("rating_language"),
            "timestamps": {name: instant(time) for name, time in times.items() if time},
        }
        found.append({name: value for name, value in row.items() if value is not None})
    return found
