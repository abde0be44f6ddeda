"""The SDK's own tests of a tap, with the sandbox behind it."""

import pytest
from singer_sdk.testing import SuiteConfig, get_tap_test_class

from tap_dixa.http import session
from tap_dixa.streams import STREAMS
from tap_dixa.tap import TapDixa
from tests.conftest import catalog, made, settings

# The tap runs once for all of them, if one worker has them.
pytestmark = pytest.mark.xdist_group("standard")

# The SDK builds its test class, and runs the tap for it, when this module is imported.
SANDBOX = made(conversations=120, days=5)
SANDBOX.__enter__()


@pytest.fixture(scope="module", autouse=True)
def unlimited():
    """Let the tap not wait for the Dixa API's limit: this sandbox has none."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(session, "BURST_INTERVAL", 1)
        yield
    SANDBOX.__exit__()


TestTapDixa = get_tap_test_class(
    TapDixa,
    config=settings(SANDBOX),
    suite_config=SuiteConfig(max_records_limit=400),
    parse_env_config=False,
    # Also the one that is off by default.
    catalog=catalog(*(stream.__dict__["name"] for stream in STREAMS)),
)
