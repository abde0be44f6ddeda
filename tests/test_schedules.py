from __future__ import annotations

import re
import tomllib
from pathlib import Path

import yaml

ROOT = Path(__file__).parents[1]
EXAMPLES = ROOT / "examples"
PAGES = {page.name: page.read_text() for page in (ROOT / "docs" / "schedules").glob("*.md")}
PROJECT = yaml.load((ROOT / "meltano.yml").read_text(), yaml.CSafeLoader)
PLUGINS = {plugin["name"]: plugin for kind in PROJECT["plugins"].values() for plugin in kind}
JOBS = {job["name"] for job in PROJECT["jobs"]}


def lines_of(name):
    return (EXAMPLES / name).read_text().splitlines()


def test_every_example_is_linked_from_a_page():
    for file in EXAMPLES.iterdir():
        linked = any(f"(../../examples/{file.name})" in page for page in PAGES.values())
        pages = "".join(page.read_text() for page in (ROOT / "docs").glob("*.md"))
        assert linked or f"(../examples/{file.name})" in pages, file.name


def test_whatever_meltano_is_told_to_run_exists():
    files = [*PAGES.values(), *(path.read_text() for path in EXAMPLES.iterdir() if path.is_file())]
    named = [
        name
        for text in files
        for what in re.findall(r"meltano run ((?:[a-z]+-[a-z-]+ ?)+)", text)
        for name in what.split()
    ]
    assert len(named) > 10
    assert set(named) <= JOBS | PLUGINS.keys()


def test_the_crontab_is_the_pages():
    settings = [line for line in lines_of("crontab") if line and not line.startswith("#")]
    assert len(settings) == 4
    for line in settings:
        assert line in PAGES["cron.md"]


def test_the_cronjob_runs_plugins_with_settings_that_exist():
    job = yaml.safe_load((EXAMPLES / "cronjob.yaml").read_text())
    (container,) = job["spec"]["jobTemplate"]["spec"]["template"]["spec"]["containers"]
    _, tap, target = container["args"]
    settings = {
        f"{plugin}_{setting['name']}".upper().replace("-", "_")
        for plugin in (PLUGINS[tap]["inherit_from"], target)
        for setting in PLUGINS[plugin]["settings"]
    }
    secret = re.findall(r"^ +([A-Z_]+)=", PAGES["kubernetes.md"], re.MULTILINE)
    given = {variable["name"] for variable in container["env"]} | set(secret)
    assert {"TAP_DIXA_API_TOKEN", "TAP_DIXA_START_DATE", "TARGET_POSTGRES_PASSWORD"} <= given
    assert {name for name in given if name.startswith(("TAP_", "TARGET_"))} <= settings


def test_the_image_has_the_meltano_that_the_tests_have():
    text = (EXAMPLES / "Dockerfile").read_text()
    (version,) = re.findall(r"meltano\[postgres\]==([\d.]+)", text)
    packages = tomllib.loads((ROOT / "uv.lock").read_text())["package"]
    assert version == next(one["version"] for one in packages if one["name"] == "meltano")
    (installed,) = re.findall(r"meltano install (.+)", text)
    assert set(installed.split()) <= PLUGINS.keys()
    for copied in re.findall(r"^COPY --chown=1000 (.+) \S+$", text, re.MULTILINE):
        assert all((ROOT / name).exists() for name in copied.split())
