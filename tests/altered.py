"""Responses of a sandbox with fields, records and forms that its data does not have."""

import re
from urllib.parse import parse_qs, urlsplit
from uuid import UUID

_NESTED = ("tags_info", "usages", "inputDefinition", "author")
_RATINGS = re.compile(r"/conversations/(\d+)/ratings$")
_SURVEYS = 3
"""With documented forms, every third survey has two questions of one type."""
_UNANSWERED = {"rating_score", "rating_message", "rating_rated_timestamp"}
_FILES = ("https://files.dixa.io/private", "/private", "/public")


def with_new_fields(data):
    """Give records and rows with a field `brandNew`, and some nested objects with `shade`."""
    if isinstance(data, list):
        return [_with_new_fields(row) if isinstance(row, dict) else row for row in data]
    if "id" in data:
        return _with_new_fields(data)
    return {name: with_new_fields(rows) for name, rows in data.items()}


def _with_new_fields(row):
    shaded = {name: _shaded(row[name]) for name in _NESTED if row.get(name)}
    return {**row, **shaded, "brandNew": {"level": 3, "labels": ["a"]}}


def _shaded(value):
    if isinstance(value, list):
        return [_shaded(item) for item in value]
    return {**value, "shade": "dark"}


def with_a_page_key(page):
    """Give a page with the key of the next one in place of the link to it."""
    following = page.pop("meta").get("next")
    if following:
        page["pageKey"] = parse_qs(urlsplit(following).query)["pageKey"][0]
    return page


def as_documented(path, rows):
    """Give records as Dixa's newest pages show them, where these differ from what was seen.

    Ratings have types and statuses such as ``CSAT`` and ``Rated``, and some surveys have two
    questions of one type. Files are links, in the three forms of the files guide. Forms are
    ``form_submission``.
    """
    if path.endswith("/conversation_export"):
        return [_conversation(row) for row in rows]
    if path.endswith("/message_export"):
        return [_message(row) for row in rows]
    listed = _RATINGS.search(path)
    if listed and rows and int(listed[1]) % _SURVEYS == 0:
        times = {n: t for n, t in rows[0]["timestamps"].items() if n != "rated_at"}
        unanswered = {**rows[0], "ratingStatus": "Offered", "timestamps": times}
        for name in ("ratingScore", "ratingComment"):
            unanswered.pop(name, None)
        return [rows[0], unanswered, *rows[1:]]
    return rows


def _conversation(record):
    ratings = [
        {
            **rating,
            "rating_type": rating["rating_type"].upper(),
            "rating_status": rating["rating_status"].capitalize(),
        }
        for rating in record["ratings"]
    ]
    if ratings and record["id"] % _SURVEYS == 0:
        first = {name: value for name, value in ratings[0].items() if name not in _UNANSWERED}
        ratings.insert(1, {**first, "rating_status": "Offered"})
    return {**record, "ratings": ratings}


def _message(record):
    beginning = _FILES[UUID(record["id"]).int % len(_FILES)]
    if record.get("attached_files"):
        record["attached_files"] = [f"{beginning}/{name}" for name in record["attached_files"]]
    for name in ("recording_url", "voicemail_url"):
        if record.get(name):
            record[name] = f"{beginning}/{record[name].rpartition('/')[2]}"
    if "formSubmission" in record:
        record["form_submission"] = record.pop("formSubmission")
    return record
