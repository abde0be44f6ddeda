"""Snowflake without an account: which columns its loader makes of the schemas."""

import json
import subprocess
from collections import defaultdict

import pytest

from tests.end_to_end.loaders import pins
from tests.end_to_end.loaders.formats import kinds
from tests.end_to_end.tables import FIELDS

pytestmark = [pytest.mark.slow, pytest.mark.loaders, pytest.mark.nightly]

SNOWFLAKE = """
import json, sys
from target_snowflake.connector import SnowflakeConnector
account = {"user": "u", "password": "p", "account": "a", "database": "d"}
column = SnowflakeConnector(config=account).to_sql_type
streams = json.load(sys.stdin)
print(json.dumps({s: {n: str(column(f)) for n, f in streams[s].items()} for s in streams}))
"""


def columns(loader, code):
    """Give the types that a loader's columns have, by the type of their field."""
    done = subprocess.run(
        loader.program("python", "-W", "ignore", "-c", code),
        input=json.dumps(FIELDS),
        stdout=subprocess.PIPE,
        encoding="utf-8",
        check=True,
    )
    found, streams = defaultdict(set), json.loads(done.stdout.splitlines()[-1])
    for stream, fields in FIELDS.items():
        assert streams[stream].keys() == fields.keys()
        for name, schema in fields.items():
            (kind,) = kinds(schema) - {"null"}
            found[schema.get("format", kind)].add(streams[stream][name])
    return found


def test_there_is_a_type_for_every_field():
    assert columns(pins.SNOWFLAKE, SNOWFLAKE) == {
        "string": {"VARCHAR"},
        "integer": {"DECIMAL"},
        "boolean": {"BOOLEAN"},
        "date-time": {"TIMESTAMP_NTZ"},
        "array": {"VARIANT"},
        "object": {"VARIANT"},
    }
