"""The SDK's own tests of a tap, with the sandbox behind it."""

from __future__ import annotations

import pytest
from singer_sdk.testing import SuiteConfig, get_tap_test_class

from tap_dixa.sandbox.behaviour import Behaviour
from tap_dixa.sandbox.dataset import DataSet
from tap_dixa.sandbox.server import Sandbox
from tap_dixa.streams import STREAMS
from tap_dixa.tap import TapDixa
from tests.conftest import Clock, catalog, settings

# The tap runs once for all of them, if one worker has them.
pytestmark = pytest.mark.xdist_group("standard")

# The SDK builds its test class, and runs the tap for it, when this module is imported.
SANDBOX = Sandbox(DataSet(60, 5, Clock()), Behaviour(requests_per_minute=0))
SANDBOX.__enter__()


def teardown_module():
    SANDBOX.__exit__()


TestTapDixa = get_tap_test_class(
    TapDixa,
    config=settings(SANDBOX),
    suite_config=SuiteConfig(max_records_limit=400),
    parse_env_config=False,
    # Also the one that is off by default.
    catalog=catalog(*(stream.__dict__["name"] for stream in STREAMS)),
)
