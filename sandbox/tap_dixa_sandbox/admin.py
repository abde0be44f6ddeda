"""A desk's settings: contact endpoints, custom attributes and business hours."""

from datetime import UTC, datetime
from random import Random
from typing import Any

from tap_dixa_sandbox.arrivals import DAY
from tap_dixa_sandbox.desk import DEPOT, HELP, HOTLINE, SHOP, Desk, Named, uuid
from tap_dixa_sandbox.times import zoned

Row = dict[str, Any]

_SET_UP = int(datetime(2023, 1, 1, tzinfo=UTC).timestamp()) * 1000
_PRODUCTS: dict[str, Any] = {"Shoes": {"Running": {}, "Hiking": {}}, "Bags": {}}
_PRIORITIES: dict[str, Any] = {"high": {}, "low": {}}
_PLACES: dict[str, Any] = {"Denmark": {"København": {}, "Aarhus": {}}, "Deutschland": {}}


def contact_endpoints() -> list[Row]:
    """List email addresses and phone numbers, which have different fields."""
    return [
        {
            "_type": "EmailEndpoint",
            "address": HELP,
            "senderOverride": SHOP,
            "name": "Shop support",
        },
        {"_type": "EmailEndpoint", "address": SHOP},
        {
            "_type": "TelephonyEndpoint",
            "number": HOTLINE,
            "functionality": ["VoiceInbound", "VoiceOutbound"],
            "name": "Hotline",
        },
        {"_type": "TelephonyEndpoint", "number": DEPOT, "functionality": ["Sms"]},
    ]


def custom_attributes(desk: Desk, random: Random) -> list[Row]:
    """Define the custom fields of conversations, and one of end users."""
    order, product, priority = desk.attributes
    return [
        _attribute(order, random, {"_type": "Text", "placeholder": "123456"}, isRequired=True),
        _attribute(product, random, _select(_PRODUCTS, random)),
        _attribute(priority, random, _select(_PRIORITIES, random), isArchived=True),
        _attribute(
            Named(uuid(random), "location"),
            random,
            _select(_PLACES, random),
            entityType="Contact",
            isDeactivated=True,
        ),
    ]


def schedules(random: Random) -> list[Row]:
    """List the business hours: the API has only their names and ids."""
    return [{"name": name, "id": uuid(random)} for name in ("Weekdays", "Ferier")]


def _attribute(attribute: Named, random: Random, definition: Row, **special: Any) -> Row:
    created = _SET_UP + random.randrange(DAY)
    row = {
        "id": attribute.id,
        "entityType": "Conversation",
        "identifier": attribute.name,
        "label": attribute.name.replace("_", " ").capitalize(),
        "inputDefinition": definition,
        "createdAt": zoned(created),
        "isRequired": False,
        "isArchived": False,
        "isDeactivated": False,
        **special,
    }
    if row["isRequired"]:
        row["description"] = "As printed on the invoice"
    if row["isArchived"] or row["isDeactivated"]:
        row["updatedAt"] = zoned(created + random.randrange(DAY))
    return row


def _select(options: dict[str, Any], random: Random) -> Row:
    return {"_type": "Select", "options": _options(options, random)}


def _options(options: dict[str, Any], random: Random) -> list[Row]:
    return [
        {
            "id": uuid(random),
            "label": value.capitalize(),
            "value": value,
            "nestedOptions": _options(nested, random),
            "isDeactivated": value == "Bags",
            "orderIndex": place,
        }
        for place, (value, nested) in enumerate(options.items(), 1)
    ]
