"""The tap and a loader in a pipe, killed and run again: the README's recipe, examples/sync.sh."""

import json
import os
import signal
import subprocess
import time
from random import Random

import pytest

from tests.conftest import catalog, settings
from tests.end_to_end.conftest import PATH, PROJECT, environment_of
from tests.end_to_end.everything import by_key, records_of
from tests.faulty_sandbox import intervals
from tests.pages import blocks

pytestmark = pytest.mark.slow

STREAMS = ("conversations", "messages")
SYNC = str(PROJECT / "examples" / "sync.sh")


@pytest.fixture
def account(serve, project, tmp_path):
    """Give a sandbox, and the environment of a shell that has the tap and target-jsonl."""
    sandbox = serve(conversations=200, days=70, latency=0.1)
    loader = project("target-jsonl").program("target-jsonl").parent
    config = {**settings(sandbox), "window_days": 7}
    (tmp_path / "config.json").write_text(json.dumps(config))
    (tmp_path / "catalog.json").write_text(json.dumps(catalog(*STREAMS)))
    given = {**os.environ, **environment_of(sandbox), "PATH": f"{loader}:{PATH}"}
    return sandbox, {**given, "TAP_DIXA_WINDOW_DAYS": "7"}


def recipe():
    """Give the commands of README, without the installation, for two streams."""
    lines = blocks("../README.md", "sh")["With pipes"].splitlines()
    assert lines.pop(0) == "uv tool install target-jsonl"
    return "\n".join(lines).replace("--config", "--catalog catalog.json --config")


@pytest.mark.xdist_group("jsonl")
@pytest.mark.parametrize(
    ("command", "confirmed"),
    [(recipe(), "states.jsonl"), (f"{SYNC} . target-jsonl", "state.json")],
    ids=["README", "sync.sh"],
)
def test_a_killed_pipe_keeps_the_state_that_it_had(account, tmp_path, command, confirmed):
    sandbox, environment = account
    path, random = tmp_path / confirmed, Random(1)

    def start(**options):
        return subprocess.Popen(
            ["/bin/bash", "-c", command],
            cwd=tmp_path,
            env=environment,
            start_new_session=True,
            **options,
        )

    assert start().wait() == 0
    state = path.read_text().splitlines()[-1]
    assert set(STREAMS) <= json.loads(state)["bookmarks"].keys()
    sandbox.behaviour.latency = 1  # so that no run ends before it is killed
    for number in (signal.SIGKILL, signal.SIGTERM, signal.SIGINT, signal.SIGKILL):
        with start(stderr=subprocess.PIPE) as pipe:
            time.sleep(random.uniform(0.1, 2))
            os.killpg(pipe.pid, number)
            pipe.stderr.read()  # until each of its processes has ended
        assert path.read_text().splitlines()[-1] == state
    sandbox.behaviour.latency = 0
    del sandbox.answered[:]
    assert start().wait() == 0
    exports = [query for path, query, _ in sandbox.answered if path.endswith("n_export")]
    started = {after for query in exports for after, _ in intervals(query)}
    assert started
    assert min(started) > sandbox.data.start + 7 * 86_400_000
    known = records_of(sandbox)
    for stream in STREAMS:
        lines = [
            json.loads(line)
            for file in sorted(tmp_path.glob(f"{stream}-*.jsonl"))
            for line in file.read_text().splitlines()
        ]
        assert by_key(stream, lines) == known[stream]


def test_a_state_that_a_killed_script_left_is_used(account, tmp_path):
    _, environment = account
    stored = json.dumps({"bookmarks": {"tags": {"kept": True}}})
    (tmp_path / "states").write_text(f'{{"bookmarks": {{}}}}\n{stored}\n{{"bookm')
    loader = ["sh", "-c", "cat >/dev/null"]
    subprocess.run([SYNC, str(tmp_path), *loader], env=environment, check=True)
    assert (tmp_path / "state.json").read_text() == f"{stored}\n"
