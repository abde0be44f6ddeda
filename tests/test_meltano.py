from __future__ import annotations

from pathlib import Path

import yaml

from tap_dixa.settings import CONFIG_JSONSCHEMA
from tap_dixa.tap import TapDixa

PROJECT = yaml.safe_load((Path(__file__).parents[1] / "meltano.yml").read_text())
(EXTRACTOR,) = PROJECT["plugins"]["extractors"]


def settings_of_the_tap():
    """Give all the settings as a Meltano plugin declares them, the SDK's own included."""
    TapDixa.append_builtin_config(TapDixa.config_jsonschema)
    for name, schema in TapDixa.config_jsonschema["properties"].items():
        (kind,) = (one for one in schema["type"] if one != "null")
        setting = {"name": name, "label": schema["title"]}
        setting["kind"] = "date_iso8601" if schema.get("format") == "date-time" else kind
        if schema.get("secret"):
            setting["sensitive"] = True
        if "default" in schema:
            setting["value"] = schema["default"]
        yield {**setting, "description": schema["description"]}


def test_the_plugins_settings_are_the_taps():
    assert EXTRACTOR["settings"] == list(settings_of_the_tap())


def test_the_plugins_capabilities_are_the_taps():
    capabilities = {str(capability) for capability in TapDixa.capabilities}
    assert set(EXTRACTOR["capabilities"]) == capabilities | {"test"}


def test_what_meltano_asks_for_is_what_the_tap_requires():
    assert EXTRACTOR["settings_group_validation"] == [CONFIG_JSONSCHEMA["required"]]


def test_loaders_are_pinned():
    for loader in PROJECT["plugins"]["loaders"]:
        assert all("==" in package for package in loader["pip_url"].split())
