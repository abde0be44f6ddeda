"""What the tap must make of the sandbox's data, written without the tap's own code."""

from datetime import UTC, datetime

CURSORS = {"conversations": "updated_at", "messages": "created_at"}
STREAMS = tuple(CURSORS)

_TIMES = {
    "created_at",
    "queued_at",
    "closed_at",
    "assigned_at",
    "updated_at",
    "last_message_created_at",
    "anonymized_at",
    "transfer_time",
}
_API_TIMES = (
    *("createdAt", "updatedAt", "indexedAt", "lastEditedAt", "activityTimestamp"),
    *("requestTime", "lastSeen"),
)


def iso(milliseconds):
    seconds, rest = divmod(milliseconds, 1000)
    return f"{datetime.fromtimestamp(seconds, UTC).replace(tzinfo=None).isoformat()}.{rest:03d}Z"


def milliseconds(text):
    timestamp = datetime.strptime(text, "%Y-%m-%dT%H:%M:%S.%fZ").replace(tzinfo=UTC)
    return int(timestamp.replace(microsecond=0).timestamp()) * 1000 + timestamp.microsecond // 1000


def record(source):
    """Give the record that a source record must become."""
    target = dict(source)
    for name, value in source.items():
        if name in _TIMES and value is not None:
            target[name] = iso(value)
    if "form_submission" in source:
        target["formSubmission"] = target.pop("form_submission")
    if isinstance(source.get("to"), str):
        target["to"] = [source["to"]]
    if "ratings" in source:
        target["ratings"] = [
            {
                name: iso(value) if name.endswith("_timestamp") and value is not None else value
                for name, value in rating.items()
            }
            for rating in source["ratings"]
        ]
    if "custom_fields" in source:
        target["custom_fields"] = [
            {
                **entry,
                "value": entry["value"] if isinstance(entry["value"], list) else [entry["value"]],
            }
            for entry in source["custom_fields"]
        ]
    return target


def source(data, stream, start=0, end=1 << 62):
    """Give the sandbox's records of a stream with ``start <= cursor < end``, by id."""

    def inside(timestamp):
        return start <= timestamp < end

    found = (
        data.conversations({"updated": inside})
        if stream == "conversations"
        else data.messages(inside, start, end)
    )
    return {entry["id"]: entry for entry in found}


def records(data, stream, start=0, end=1 << 62):
    """Give what the tap must emit of a stream, by id."""
    return {key: record(entry) for key, entry in source(data, stream, start, end).items()}


def plain_time(text):
    """Give the same time without a zone's name."""
    return text.partition("[")[0]


def rfc3339(text):
    """Give a time of the Dixa API as the tap must emit it."""
    time = datetime.fromisoformat(plain_time(text))
    return iso(round((time if time.tzinfo else time.replace(tzinfo=UTC)).timestamp() * 1000))


def timed(row):
    """Give an object of the Dixa API with its times as targets read them."""
    return row | {name: rfc3339(row[name]) for name in _API_TIMES if row.get(name)}


def api_record(row, **parent):
    """Give the record that a row of the Dixa API must become."""
    record = timed({**parent, **row})
    if "translation" in record:
        record["translation"] = {name: timed(text) for name, text in record["translation"].items()}
    if "address" in row or "number" in row:
        record["contactEndpointId"] = row.get("address", row.get("number"))
    return record
