"""The loaders of meltano.yml, at their pinned versions."""

from __future__ import annotations

import json
import os
import subprocess
from functools import cache
from pathlib import Path

import pytest
import yaml
from uv import find_uv_bin

PROJECT = Path(__file__).parents[2]
LOADERS = {
    loader["name"]: loader
    for loader in yaml.safe_load((PROJECT / "meltano.yml").read_text())["plugins"]["loaders"]
}


@pytest.fixture(scope="session")
def installed(tmp_path_factory):
    """Install a loader, once a session, and say where."""

    @cache
    def install(name):
        home, uv = tmp_path_factory.mktemp(name), find_uv_bin()
        subprocess.run([uv, "venv", "-q", "--clear", "--python", "3", home], check=True)
        packages = LOADERS[name]["pip_url"].split()
        subprocess.run([uv, "pip", "install", "-q", "-p", home, *packages], check=True)
        return home

    return install


@pytest.fixture
def load(tmp_path, installed):
    """Install a loader and give a function that feeds it a run's messages."""

    def prepare(name, **config):
        loader, home = LOADERS[name], installed(name)
        defaults = {s["name"]: s["value"] for s in loader["settings"] if "value" in s}
        (tmp_path / "target.json").write_text(json.dumps({**defaults, **config}))

        def feed(run):
            done = subprocess.run(
                [home / "bin" / name, "--config", "target.json"],
                input=run.output,
                encoding="utf-8",
                capture_output=True,
                cwd=tmp_path,
                env={**os.environ, **loader.get("env", {})},
                check=False,
            )
            assert done.returncode == 0, done.stderr
            states = [json.loads(line) for line in done.stdout.splitlines() if line]
            assert states[-1] == run.state

        return feed

    return prepare
