"""The file of shapes that a connection test writes, and a sandbox that serves it."""

import json
import re
import time
from pathlib import Path

from tap_dixa.schemas import __path__ as schemas
from tap_dixa_sandbox.filters import Bounds
from tests.conftest import settings
from tests.end_to_end.connection_test.conftest import unfolded
from tests.end_to_end.queried import ANALYTICS, INTELLIGENCE
from tests.faults import Odd

YEARS_AGO = 1_600_000_000_000

DIXAS = {
    word.lower()
    for file in Path(*schemas).glob("*.json")
    for word in re.findall(r"[A-Za-z]\w+", file.read_text())
}
RECORD_FIELDS = {"agent", "contact_point", "closed_by", "initial_direction", "conversation_id"}
"""Those of the sandbox that no schema names."""


def values(content):
    """Give every value in decoded JSON that says something."""
    if isinstance(content, dict | list):
        for inner in content.values() if isinstance(content, dict) else content:
            yield from values(inner)
    elif content not in {None, True, False, ""}:
        yield content


def test_a_file_holds_nothing_of_the_account_and_what_serves_it_tells_the_same(tested, tmp_path):
    sent, file = [], tmp_path / "shapes.json"

    def noted(_, rows):
        sent.append(rows)
        return rows

    report = tested(
        *("--shapes", str(file)),
        faults=[Odd(json.dumps({"id": 7070707, "updated_at": YEARS_AGO}))],
        conversations=40,
        days=3,
        alter=noted,
        new_fields=True,
        bounds=Bounds(False, True),
        activity_order="ascending",
        beta_only={"/v1/agents"},
        forbidden={"/v1/templates": 403},
        missing={"/v1/business-hours"},
    )
    account, found = set(values(sent)), set(values(json.loads(file.read_bytes())))
    assert len(account) > 1000
    kept = DIXAS | RECORD_FIELDS | {kind.lower() for kind in (*ANALYTICS, *INTELLIGENCE)}
    account = {value for value in account if str(value).lower() not in kept}
    assert account & found == set()
    text = file.read_text()
    long = {value for value in account if isinstance(value, str) and len(value) > 6}
    assert {value for value in long if value in text} == set()
    again = tested(shapes=file, now=time.time_ns() // 1_000_000, changes={"end_date": None})
    assert told(again) == told(report)


def told(report):
    """Give a report without sizes, names in a new field, and how many children were requested.

    These are requested ahead until the test of a stream ends.
    """
    left_out = r" x\d+| +[\d.]+ MB|.*\{csid\}.*|.*compared with.*|(?<=brandNew)\.\w+"
    return re.sub(left_out, "", unfolded(report.text)).splitlines()


def test_shapes_need_a_test(serve, run_tap, tmp_path):
    file = tmp_path / "shapes.json"
    run = run_tap(settings(serve(days=3)), "--shapes", str(file))
    assert run.status != 0
    assert "--shapes needs --test" in run.log
