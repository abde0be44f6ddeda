import subprocess
import sys

import pytest
import requests
from click.testing import CliRunner

from tap_dixa_sandbox.cli import main
from tests.events import HANG
from tests.pages import DOCS

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
exit(7)
"""
KILL = "import os; os.kill(os.getpid(), 15)"


def run(*command):
    return subprocess.run([*SANDBOX, "run", *command], capture_output=True, text=True, check=False)


def test_run_puts_a_sandbox_behind_a_command_and_passes_its_status_on():
    done = run("--token", "abc", "--", sys.executable, "-c", SHOW)
    assert (done.returncode, done.stdout) == (7, "200 abc\n"), done.stderr
    assert run("--", sys.executable, "-c", KILL).returncode == 143
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


@pytest.mark.parametrize("lacks", ["a checkout", "DuckDB"])
def test_demo_says_how_to_run_it_before_it_loads(tmp_path, monkeypatch, lacks):
    monkeypatch.chdir(tmp_path if lacks == "a checkout" else DOCS.parent)
    if lacks == "DuckDB":
        monkeypatch.setattr("tap_dixa_sandbox.cli.find_spec", lambda _: None)
    result = CliRunner().invoke(main, ["demo"])
    assert result.exit_code == 1
    assert "in the folder with README.md, uv run --group try" in result.output


def test_a_file_that_holds_no_shapes_is_refused(tmp_path):
    file = tmp_path / "shapes.json"
    for text in ("{", "[]", "{}"):
        file.write_text(text)
        result = CliRunner().invoke(main, ["serve", "--shapes", str(file)])
        assert result.exit_code == 1
        assert "tap-dixa has not written this file" in result.output
