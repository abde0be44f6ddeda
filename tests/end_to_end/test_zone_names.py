"""Names of zones behind times: cut where a field is a time, and nowhere else."""

from __future__ import annotations

import json

from tests.conftest import NOON, catalog, settings
from tests.end_to_end import checks
from tests.faults import Refusal

ZONED = "2025-01-01T08:00:00.5Z[GMT]"
QUOTING = f'She said "{ZONED}'
UUID = "00000000-0000-4000-8000-000000000000"
ROWS = {
    "agents": {"id": "1", "createdAt": ZONED, "displayName": QUOTING, "firstName": ZONED},
    "tags": {"id": "1", "name": ZONED, "new": [ZONED, QUOTING]},
    "activity_logs": {
        "id": UUID,
        "activityTimestamp": checks.expected.iso(NOON - 3_600_000).replace("Z", "Z[GMT]"),
        "author": {"id": "1", "name": QUOTING},
        "attributes": {"note": QUOTING, "until": ZONED},
    },
    "conversation_notes": {"id": UUID, "csid": 7, "createdAt": ZONED, "message": QUOTING},
}
TIME = "2025-01-01T08:00:00.500Z"
RECORDS = {
    "agents": {**ROWS["agents"], "createdAt": TIME},
    "tags": {"id": "1", "name": ZONED, "additional_properties": {"new": [ZONED, QUOTING]}},
    "activity_logs": {
        **ROWS["activity_logs"],
        "activityTimestamp": checks.expected.iso(NOON - 3_600_000),
    },
    "conversation_notes": {**ROWS["conversation_notes"], "createdAt": TIME},
}


def test_a_text_that_looks_like_a_time_is_not_cut(serve, run_tap):
    sandbox = serve(conversations=8, days=20)
    sandbox.behaviour.api_faults.extend(
        Refusal(200, body=json.dumps({"data": [row]})) for row in ROWS.values()
    )
    run = checks.succeeded(run_tap(settings(sandbox, parallel_downloads=1), catalog=catalog(*ROWS)))
    for stream, wanted in RECORDS.items():
        checks.fits_its_schema(run, stream)
        (found,) = (r for r in run.records(stream) if r["id"] == wanted["id"])
        found.pop("conversationUpdatedAt", None)
        assert checks.plain(found) == wanted, stream
