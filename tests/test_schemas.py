from __future__ import annotations

import json
import re
from importlib import resources

import pytest
from jsonschema import Draft202012Validator

from docs.generate.fields import UNITS
from tap_dixa import schemas

SCHEMAS = {
    file.name.removesuffix(".json"): json.loads(file.read_text(encoding="utf-8"))
    for file in resources.files(schemas).iterdir()
    if file.name.endswith(".json")
}

ADDITIONAL = {
    stream: schema["properties"].pop(schemas.ADDITIONAL) for stream, schema in SCHEMAS.items()
}
"""Each stream's column for other fields, which is not one of Dixa's."""

# The streams of the Dixa API: the key, and Dixa's own fields in the order of its OpenAPI file.
DIXA_API = {
    "agents": (
        ("id",),
        """id createdAt displayName email avatarUrl phoneNumber additionalEmails
        additionalPhoneNumbers firstName lastName middleNames roles""",
    ),
    "end_users": (
        ("id",),
        """id createdAt displayName email phoneNumber additionalEmails additionalPhoneNumbers
        firstName lastName middleNames avatarUrl externalId customAttributes""",
    ),
    "queues": (
        ("id",),
        """id name isDefault organizationId queueThresholds slaCalculationMethod offerTimeout
        offeringAlgorithm memberListType usages wrapupTimeout priority
        offerAbandonedConversations doNotOfferTimeouts isDoNotOfferEnabled
        isPreferredAgentEnabled preferredAgentTimeouts preferredAgentOfflineTimeout
        personalAgentOfflineTimeout isRestricted""",
    ),
    "queue_members": (("queueId", "agentId"), "agentId priority"),
    "teams": (("id",), "id name"),
    "team_members": (("teamId", "id"), "id name email phoneNumber"),
    "tags": (("id",), "id name color state"),
    "custom_attributes": (
        ("id",),
        """id entityType identifier label inputDefinition description createdAt updatedAt
        isRequired isArchived isDeactivated""",
    ),
    # Two components in one stream, told apart by `_type`.
    "contact_endpoints": (
        ("contactEndpointId",),
        "_type address number senderOverride name functionality",
    ),
    "business_hours_schedules": (("id",), "name id"),
    "business_hours_definitions": (("id",), "id name timezone businessHours exceptions"),
    "conversation_flows": (("id", "channel"), "id name channel contactEndpointId"),
    "templates": (
        ("id",),
        """_type id name content createdBy createdAt lastEditedBy lastEditedAt translations
        subject""",
    ),
    "organization": (("id",), "id name subdomain status avatarUrl"),
    "ai_agents": (("id",), "id name systemUserId _type"),
    "knowledge_collections": (("id",), "id title description internalKbEnabled restrictions"),
    "knowledge_categories": (
        ("id",),
        "id title parentCategory parentCollections isDefaultLocation isLocked restrictions",
    ),
    "knowledge_articles": (
        ("id",),
        """id parentCategory parentCollections isDefaultLocation tags ownedBy createdBy createdAt
        updatedBy updatedAt indexedBy indexedAt restrictions translation""",
    ),
    "activity_logs": (
        ("id",),
        "id conversationId activityTimestamp activityType _type author attributes",
    ),
    "conversation_notes": (("id",), "id authorId createdAt csid message"),
    "conversation_ratings": (
        ("csid", "id", "ratingType", "questionNumber"),
        """id ratingScore ratingType ratingComment conversationChannel agentId userId ratingStatus
        language timestamps""",
    ),
    # Of a row, only `value` has a column: its fields are in one, and the key is the tap's.
    "analytics_records": (("id",), "value"),
    "analytics_record_types": (("id",), "id description fieldsMetadata filters relatedMetricIds"),
    "analytics_metrics": (("id",), "id description aggregations filters relatedRecordIds"),
    "intelligence_records": (("id",), ""),
    "intelligence_record_types": (
        ("id",),
        """id name category description deprecated primaryFilters filters fields
        relatedMetricIds""",
    ),
}
RECORD = ["id", "recordId", "timestamp", "timestampField", "conversationId", "agentId", "queueId"]
# Not of Dixa's record: the parent that was asked for it, or what stands in for an id.
ADDED = {
    "queue_members": ["queueId"],
    "team_members": ["teamId"],
    "contact_endpoints": ["contactEndpointId"],
    "conversation_notes": ["conversationUpdatedAt"],
    "conversation_ratings": ["conversationUpdatedAt", "csid", "questionNumber"],
    "analytics_records": RECORD,
    "intelligence_records": [*RECORD[:2], "category", *RECORD[2:]],
}
# After Dixa's own: every field of a row, whatever it is.
ADDED_LAST = {"analytics_records": ["fields"], "intelligence_records": ["fields"]}
INNER_FIELDS = {
    ("end_users", "customAttributes"): "id name identifier value",
    ("activity_logs", "author"): "id name email phoneNumber",
    ("templates", "translations"): "content isDeactivated locale subject",
    ("knowledge_articles", "translation"): "draft published",
    ("analytics_record_types", "fieldsMetadata"): "field description nullable",
    ("analytics_record_types", "filters"): "filterAttribute description",
    ("analytics_metrics", "aggregations"): "measure description",
    ("analytics_metrics", "filters"): "filterAttribute description",
    ("intelligence_record_types", "fields"): "id name type description",
    ("intelligence_record_types", "filters"): "attribute aliases type operators defaultOperator "
    "description",
}
TIMES = {
    ("agents", "createdAt"),
    ("end_users", "createdAt"),
    ("custom_attributes", "createdAt"),
    ("custom_attributes", "updatedAt"),
    ("activity_logs", "activityTimestamp"),
    ("conversation_notes", "createdAt"),
    ("conversation_notes", "conversationUpdatedAt"),
    ("conversation_ratings", "conversationUpdatedAt"),
    ("templates", "createdAt"),
    ("templates", "lastEditedAt"),
    *(("knowledge_articles", name) for name in ("createdAt", "updatedAt", "indexedAt")),
    *(
        ("knowledge_articles", f"translation.{text}.{name}")
        for text in ("draft", "published")
        for name in ("createdAt", "updatedAt")
    ),
    ("analytics_records", "timestamp"),
    ("intelligence_records", "timestamp"),
}
# What Dixa puts there depends on the account or the kind of record: one column of JSON each.
OPEN = {
    ("queues", "queueThresholds"),
    ("queues", "usages"),
    ("queues", "doNotOfferTimeouts"),
    ("queues", "preferredAgentTimeouts"),
    ("custom_attributes", "inputDefinition"),
    ("activity_logs", "attributes"),
    ("conversation_ratings", "timestamps"),
    ("analytics_records", "value"),
    ("analytics_records", "fields"),
    ("intelligence_records", "fields"),
}
# Incremental: every record must have the time that the state remembers.
REPLICATION_KEYS = {
    "activity_logs": ("activityTimestamp",),
    "conversation_notes": ("conversationUpdatedAt",),
    "conversation_ratings": ("conversationUpdatedAt",),
    "analytics_records": ("timestamp",),
    "intelligence_records": ("timestamp",),
}
# Every record is of a kind.
ALWAYS = {"analytics_records": ("recordId",), "intelligence_records": ("recordId",)}


def fields(schema, path=""):
    """Give the path and the schema of each field, at every level."""
    for name, field in schema.get("properties", {}).items():
        yield f"{path}{name}", field
        yield from fields(field, f"{path}{name}.")
    if "items" in schema:
        yield from fields(schema["items"], path)


def parts(value):
    """Give every object within a JSON value, itself included."""
    if isinstance(value, dict):
        yield value
        for inner in value.values():
            yield from parts(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from parts(inner)


@pytest.fixture(params=sorted(SCHEMAS))
def schema(request):
    return SCHEMAS[request.param]


def test_there_is_a_schema_for_every_stream():
    assert SCHEMAS.keys() == {"conversations", "messages", *DIXA_API}


def test_is_valid_json_schema(schema):
    Draft202012Validator.check_schema(schema)


def test_is_an_object_with_fields(schema):
    assert schema["type"] == "object"
    assert schema["properties"]
    assert set(schema["required"]) <= schema["properties"].keys()


def test_every_field_is_typed_and_described(schema):
    assert schema["description"]
    for path, field in fields(schema):
        assert field["type"], path
        description = field["description"]
        assert description == description.strip(), path
        assert description.endswith("."), path


def test_every_number_tells_its_unit_and_every_time_is_in_utc(schema):
    for path, field in fields(schema):
        units = [words for words in UNITS if words in field["description"]]
        if "integer" in field["type"] and not re.search(r"\bid\b|identifies", field["description"]):
            assert len(units) == 1, path
        if field.get("format") == "date-time":
            assert "in UTC" in field["description"], path


def test_every_array_says_what_it_holds(schema):
    for path, field in fields(schema):
        if "array" in field["type"]:
            assert field["items"]["type"], path


def test_unknown_fields_are_no_error(schema):
    # Dixa adds fields without notice.
    assert not [part for part in parts(schema) if part.get("additionalProperties") is False]


@pytest.mark.parametrize("name", DIXA_API)
def test_carries_the_fields_of_dixas_own_description_in_order(name):
    own = DIXA_API[name][1].split()
    wanted = ADDED.get(name, []) + own + ADDED_LAST.get(name, [])
    assert list(SCHEMAS[name]["properties"]) == wanted


@pytest.mark.parametrize(("name", "field"), INNER_FIELDS)
def test_carries_the_inner_fields_of_dixas_own_description(name, field):
    outer = SCHEMAS[name]["properties"][field]
    inner = outer.get("items", outer)
    assert list(inner["properties"]) == INNER_FIELDS[name, field].split()


@pytest.mark.parametrize("name", DIXA_API)
def test_only_keys_are_sure_to_be_there(name):
    sure = (*DIXA_API[name][0], *ALWAYS.get(name, ()), *REPLICATION_KEYS.get(name, ()))
    assert SCHEMAS[name]["required"] == list(sure)
    for path, field in fields(SCHEMAS[name]):
        if path in sure:
            assert field["type"] in {"string", "integer"}, path
        else:
            assert field["type"][1:] == ["null"], path


def test_times_are_times():
    found = {
        (name, path)
        for name in DIXA_API
        for path, field in fields(SCHEMAS[name])
        if field.get("format") == "date-time"
    }
    assert found == TIMES


def test_what_is_open_is_one_column():
    found = {
        (name, path)
        for name in DIXA_API
        for path, field in fields(SCHEMAS[name])
        if field["type"] == ["object", "null"] and "properties" not in field
    }
    assert found == OPEN


def test_every_stream_has_the_same_column_for_other_fields():
    (column,) = {json.dumps(column) for column in ADDITIONAL.values()}
    assert json.loads(column)["type"] == ["object", "null"]
    assert json.loads(column)["additionalProperties"] is True
