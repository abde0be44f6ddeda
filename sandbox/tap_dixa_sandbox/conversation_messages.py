"""The messages of a conversation as the Dixa API lists them: its export's, in other words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tap_dixa_sandbox import records
from tap_dixa_sandbox.desk import CHAT, EMAIL, PHONE
from tap_dixa_sandbox.times import zoned

if TYPE_CHECKING:
    from tap_dixa_sandbox.life import Life

    Row = dict[str, Any]

_FILES = "https://files.dixa.io/private"
_KINDS = {"whatsapp": "WhatsApp", "facebookmessenger": "FacebookMessenger", "sms": "Sms"}


def rows(life: Life, seen: int) -> list[Row]:
    """List the messages as of a time, the oldest first.

    Args:
        life: The conversation.
        seen: The time, in Unix ms.
    """
    return [
        {
            "id": message["id"],
            "authorId": (life.customer if life.from_customer(place) else life.agent).id,
            "createdAt": zoned(message["created_at"]),
            "attributes": _attributes(life, message),
        }
        for place, message in enumerate(records.messages(life, seen))
    ]


def _attributes(life: Life, message: Row) -> Row:
    if life.channel in PHONE:
        found = {
            "from": message.get("from_phone_number") or "",
            "to": message.get("to_phone_number") or "",
            "duration": message["duration"],
            "_type": "PhoneAttributes",
        }
    elif life.channel in EMAIL:
        text = message.get("text")
        to = message.get("to") or []
        found = {
            "from": {"email": message.get("from") or ""},
            "to": [{"email": address} for address in ([to] if isinstance(to, str) else to)],
            "cc": [{"email": address} for address in message.get("cc") or ()],
            "isAutoReply": message["is_automated_message"],
            "attachments": [
                {"url": f"{_FILES}/{name}", "prettyName": name}
                for name in message.get("attached_files") or ()
            ],
            "_type": "EmailAttributes",
        }
        if text is not None:
            content = {"value": text, "_type": "Text"}
            found["emailContent"] = {"content": content, "_type": "Regular"}
    else:
        kind = "Chat" if life.channel in CHAT else _KINDS.get(life.channel, "Generic")
        found = {"attachments": [], "_type": f"{kind}Attributes"}
        if kind == "Chat":
            found["isAutomated"] = message["is_automated_message"]
        if message.get("text") is not None:
            found["content"] = {"value": message["text"], "_type": "Text"}
    return {**found, "direction": message["direction"].capitalize()}
