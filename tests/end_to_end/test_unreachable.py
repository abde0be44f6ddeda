"""A host from which no response ever came: the run is soon over, and says which and why."""

import re
import socket

import pytest

from tap_dixa.http import session
from tests.conftest import catalog, settings
from tests.end_to_end import checks
from tests.end_to_end.everything import ALL, EVERY


@pytest.fixture
def closed():
    """Give a port that nobody listens at."""
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        yield unused.getsockname()[1]


@pytest.fixture
def silent():
    """Give a port where connections are accepted, and nothing is said."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def refused(_, port):
    return f"http://127.0.0.1:{port}", "Connection refused"


def no_tls(sandbox, _):
    return sandbox.url.replace("http:", "https:"), "SSL"


def unknown(_, __):
    return "https://exports.invalid", "ame"  # Name or service not known; or a failure in it


@pytest.mark.parametrize("address_of", [refused, no_tls, unknown])
@pytest.mark.parametrize("arguments", [[], ["--test"]], ids=["run", "test"])
def test_all_streams_end_with_one_line(serve, run_tap, closed, address_of, arguments):
    sandbox = serve()
    address, reason = address_of(sandbox, closed)
    config = settings(sandbox, exports_api_url=address, dixa_api_url=address)
    files = {} if arguments else {"catalog": catalog(*ALL)}
    run = run_tap(config, *arguments, **files)
    line = checks.failed(run)
    count = len(EVERY) if arguments else len(ALL)
    where = address if address.count(":") == 2 else f"{address}:443"
    assert f"all {count} streams failed: {where} cannot be reached (no connection: " in line
    assert reason in line
    assert line.count("cannot be reached") == 1
    assert len(line) < 450
    assert sandbox.answered == []
    if arguments:
        advice = run.log.split("What to do:\n")[1]
        assert "- Exports API, Dixa API: no response came from it at all." in advice
        assert "- Nothing." not in run.log


def test_the_streams_of_the_other_host_are_synced(account_of, closed):
    account = account_of("conversations", "messages", "agents", "tags")
    line = account.failure(exports_api_url=f"http://127.0.0.1:{closed}")
    assert "2 of 4 streams failed, the others were synced: conversations, messages: http" in line
    run = account.runs[-1]
    assert {message["stream"] for message in run.of("RECORD")} == {"agents", "tags"}
    assert run.log.count("Beginning sync") == 3  # messages would need the same host


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["closed", "silent"])
@pytest.mark.parametrize(("arguments", "most"), [([], 30), (["--test"], 10)], ids=["run", "test"])
def test_it_takes_seconds(serve, run_tap, request, kind, arguments, most):
    port = request.getfixturevalue(kind)
    scheme = {"closed": "http", "silent": "https"}[kind]
    address = f"{scheme}://127.0.0.1:{port}"
    config = settings(serve(), exports_api_url=address, dixa_api_url=address)
    files = {} if arguments else {"catalog": catalog(*ALL)}
    run = run_tap(config, *arguments, program=["-m", "tap_dixa"], **files)
    assert f"{address} cannot be reached" in checks.failed(run)
    # What the tap waits, however busy the machine is; two seconds are left for the rest.
    waits = [int(seconds) for seconds in re.findall(r"retrying in (\d+) s", run.log)]
    attempts = len(waits) + 2  # the first ones of the two APIs
    connecting = attempts * session.CONNECT_TIMEOUT if kind == "silent" else 0
    assert sum(waits) + connecting <= most - 2
