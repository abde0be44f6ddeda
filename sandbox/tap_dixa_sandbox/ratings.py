"""The ratings of a conversation as the Dixa API lists them: those of its export, in other words."""

from random import Random
from typing import Any

from tap_dixa_sandbox.desk import uuid
from tap_dixa_sandbox.life import Life
from tap_dixa_sandbox.times import instant

_TYPES = {"csat": "Csat", "nps": "Nps", "thumbs": "ThumbsUpOrDown"}
CHANNELS = {
    "email": "Email",
    "widgetchat": "WidgetChat",
    "pstnphone": "PstnPhone",
    "contactform": "ContactForm",
    "whatsapp": "WhatsApp",
    "facebookmessenger": "FacebookMessenger",
    "callback": "Callback",
    "voicemail": "Voicemail",
}
"""The Dixa API's names of channels, by those of the exports; others are Messenger."""


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
        times = {
            _time_name(field): instant(time)
            for field, time in rating.items()
            if field.endswith("_timestamp") and time
        }
        score = rating.get("rating_score")
        row = {
            "id": survey,
            "ratingScore": score,
            "ratingType": _TYPES[rating["rating_type"].lower()],
            "ratingComment": comment if score else None,
            "conversationChannel": CHANNELS.get(life.channel, "Messenger"),
            "agentId": life.agent.id,
            "userId": life.customer.id,
            "ratingStatus": rating["rating_status"].capitalize(),
            "language": rating.get("rating_language"),
            "timestamps": times,
        }
        found.append({name: value for name, value in row.items() if value is not None})
    return found


def _time_name(field: str) -> str:
    """Give the name of a time: ``rating_offered_timestamp`` of the export is ``offered_at``."""
    name = field.removeprefix("rating_").removesuffix("_timestamp")
    return name if name == "scheduled_for" else f"{name}_at"
