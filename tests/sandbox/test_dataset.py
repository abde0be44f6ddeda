import hashlib
import json
from collections import Counter
from importlib import resources

import msgspec
import pytest

from tap_dixa_sandbox.dataset import DataSet
from tests import expected
from tests.conftest import DAY, Clock

PINNED = {
    (1, 0): {
        "conversations": "47c7ca8f60577947d230201852040066bdf96565123c750c7c8eab50d5839158",
        "messages": "983195122aa1444849b8702640ab07cd584f98fa41953748e1d656953052ab39",
    },
    (7, 600_000): {
        "conversations": "1330c6f55f0cd74c8b8811a834dd1da9975e44788b2a34a134fe3e296f2493e5",
        "messages": "ca6d14f144cf154fcc274b844b8fa9b5386726f8934155f74dabf7a8e1db6dca",
    },
}
"""SHA-256 of what the exports hold, by seed and lag (ms): benchmarks compare over time."""


@pytest.mark.parametrize(("seed", "late"), PINNED)
def test_a_seed_gives_the_records_it_has_always_given(seed, late):
    data = DataSet(1500, 100, Clock(), seed=seed, late=late)
    for stream, pinned in PINNED[seed, late].items():
        records = expected.source(data, stream)
        written = b"".join(msgspec.json.encode(records[key]) for key in sorted(records))
        assert hashlib.sha256(written).hexdigest() == pinned


def test_records_share_times_and_have_all_fields_null_or_absent():
    data = DataSet(4000, 120, Clock())
    for stream, cursor in expected.CURSORS.items():
        records = expected.source(data, stream).values()
        times = Counter(record[cursor] for record in records)
        assert sum(count > 1 for count in times.values()) > 50
        if stream == "conversations":
            assert sum(time % DAY == 0 and count > 1 for time, count in times.items()) > 20
        text = resources.files("tap_dixa.schemas").joinpath(f"{stream}.json").read_text()
        names = json.loads(text)["properties"].keys() - {"additional_properties"}
        assert {name for record in records for name in record} == names
        null = {name for record in records for name in record if record[name] is None}
        absent = {name for record in records for name in names - record.keys()}
        assert not {"id", "created_at"} & (null | absent)
        assert len(null & absent) > 6
