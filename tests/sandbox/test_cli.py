from __future__ import annotations

import subprocess
import sys

import pytest
import requests
from click.testing import CliRunner

from tap_dixa_sandbox.cli import main
from tests.events import HANG

SANDBOX = [sys.executable, "-c", "from tap_dixa_sandbox.cli import main; main()"]

SHOW = """
import os, requests
url, token = os.environ["TAP_DIXA_EXPORTS_API_URL"], os.environ["TAP_DIXA_API_TOKEN"]
assert os.environ["TAP_DIXA_DIXA_API_URL"] == url
assert "127.0.0.1" in os.environ["NO_PROXY"]
day = os.environ["TAP_DIXA_START_DATE"][:10]
response = requests.get(url + "/v1/message_export", {"created_after": day, "created_before": day},
                      auth=("bearer", token), timeout=120)
print(response.status_code, token)
"""


def run(*command, **options):
    return subprocess.run(
        [*SANDBOX, "run", *command], capture_output=True, text=True, check=False, **options
    )


def test_run_puts_a_sandbox_behind_a_command():
    done = run("--token", "abc", "--", sys.executable, "-c", SHOW)
    assert done.returncode == 0, done.stderr
    assert done.stdout == "200 abc\n"


@pytest.mark.parametrize(
    ("code", "status"),
    [("exit(7)", 7), ("import os; os.kill(os.getpid(), 15)", 143)],
)
def test_run_passes_the_exit_status_on(code, status):
    assert run("--", sys.executable, "-c", code).returncode == status


def test_run_names_what_cannot_be_run():
    assert "no-such-command cannot be run" in run("--", "no-such-command").stderr


def test_serve_prints_its_address_and_serves_until_it_is_interrupted():
    with subprocess.Popen(
        [*SANDBOX, "serve", "--port", "0"], stdout=subprocess.PIPE, text=True
    ) as serving:
        exports = dict(
            serving.stdout.readline().removeprefix("export ").strip().split("=") for _ in range(4)
        )
        url = exports["TAP_DIXA_EXPORTS_API_URL"]
        assert requests.get(f"{url}/v1/message_export", timeout=HANG).status_code == 401
        serving.terminate()
        assert serving.wait(HANG) != 0


def test_demo_outside_a_checkout_says_where_to_run_it(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(main, ["demo"])
    assert result.exit_code == 1
    assert "run it in the folder with meltano.yml" in result.output
