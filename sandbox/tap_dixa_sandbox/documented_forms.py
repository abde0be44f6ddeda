"""Records as the newest pages of Dixa show them, where these differ from what was seen.

Ratings have types and statuses such as ``CSAT`` and ``Rated``, and some surveys have two questions
of one type. Files are links, in the three forms of the files guide. Forms are ``form_submission``.
"""

from __future__ import annotations

from typing import Any
from uuid import UUID

Row = dict[str, Any]

_BEGINNINGS = ("https://files.dixa.io/private", "/private", "/public")
_SURVEYS = 3
"""Every third survey has two questions of one type."""


def conversation(record: Row) -> Row:
    """Copy a conversation's record in these forms."""
    ratings = [_spelled(rating) for rating in record.get("ratings") or ()]
    if ratings and record["id"] % _SURVEYS == 0:
        # The other question was not answered.
        unanswered = {"rating_score", "rating_message", "rating_rated_timestamp"}
        first = {name: value for name, value in ratings[0].items() if name not in unanswered}
        ratings.insert(1, {**first, "rating_status": "Offered"})
    return {**record, "ratings": ratings} if "ratings" in record else record


def message(record: Row) -> Row:
    """Copy a message's record in these forms."""
    record = dict(record)
    beginning = _BEGINNINGS[UUID(record["id"]).int % len(_BEGINNINGS)]
    if record.get("attached_files"):
        record["attached_files"] = [f"{beginning}/{name}" for name in record["attached_files"]]
    for name in ("recording_url", "voicemail_url"):
        if record.get(name):
            record[name] = f"{beginning}/{record[name].rpartition('/')[2]}"
    if "formSubmission" in record:
        record["form_submission"] = record.pop("formSubmission")
    return record


def _spelled(rating: Row) -> Row:
    kind, status = rating["rating_type"].upper(), rating["rating_status"].capitalize()
    return {**rating, "rating_type": kind, "rating_status": status}
