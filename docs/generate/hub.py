"""The tap's definition for Meltano Hub."""

import tomllib
from pathlib import Path
from typing import Any

import yaml

from docs.generate.plugin import REQUIRED, capabilities, selection, settings
from tap_dixa.tap import TapDixa

_HEAD = """\
# The plugin's definition for Meltano Hub: _data/meltano/extractors/tap-dixa/VARIANT.yml there.
# `repo`, `pip_url` and `variant` follow `Repository` in [project.urls] of pyproject.toml. While
# there is none, the first two are missing and the variant is a stand-in. Never write
# `pip_url: tap-dixa`: on PyPI, that name is singer-io's tap.
"""

_PROJECT: dict[str, Any] = tomllib.loads(
    (Path(__file__).parents[2] / "pyproject.toml").read_text(encoding="utf-8")
)["project"]

_USAGE = """\
## Streams

Conversations and messages come from Dixa's Exports API; agents, end users, queues, teams, tags,
custom attributes, contact endpoints, business hours, flows, templates, the knowledge base, the
activity log, agents' presence, internal notes, ratings and linked conversations from the Dixa API.

`conversation_notes`, `conversation_ratings` and `linked_conversations` are not selected by default:
each costs a request for each conversation that changed.

## First run

The first run begins at `start_date` and is the backfill: ten months are ten export requests for
each of conversations and messages. Each run after it syncs what changed.
"""


def page() -> str:
    """Write the file, its keys in order as the hub's linter wants them."""
    return _HEAD + yaml.dump(_definition(), Dumper=_Dumper, allow_unicode=True, width=100)


class _Dumper(yaml.SafeDumper):
    """Writes a text of several lines as one that can be read."""


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    style = "|" if "\n" in text else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Dumper.add_representer(str, _text)


def _definition() -> dict[str, Any]:
    return {
        "capabilities": capabilities(),
        "description": "Customer service platform",
        "domain_url": "https://docs.dixa.io",
        "executable": TapDixa.name,
        "keywords": ["api", "meltano_sdk"],
        "label": "Dixa",
        "log_parser": "singer-sdk",
        "logo_url": "/assets/logos/extractors/dixa.png",
        "maintenance_status": "beta",
        "name": TapDixa.name,
        "namespace": TapDixa.name.replace("-", "_"),
        "quality": "unknown",
        "select": selection(),
        "settings": sorted(settings(), key=lambda setting: str(setting["name"])),
        "settings_group_validation": [REQUIRED],
        "supported_python_versions": _pythons(),
        "usage": _USAGE,
        **_origin(),
    }


def _origin() -> dict[str, str]:
    repository = _PROJECT.get("urls", {}).get("Repository")
    if repository is None:
        return {"variant": "original"}
    owner = repository.rstrip("/").split("/")[-2].lower()
    return {"repo": repository, "pip_url": f"git+{repository}.git", "variant": owner}


def _pythons() -> list[str]:
    versions = (line.rpartition(" :: ")[2] for line in _PROJECT["classifiers"])
    return [version for version in versions if version.startswith("3.")]
