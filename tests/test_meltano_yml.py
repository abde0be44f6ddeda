from __future__ import annotations

from pathlib import Path

import yaml

from docs.generate import plugin

PROJECT = yaml.safe_load((Path(__file__).parents[1] / "meltano.yml").read_text())
(EXTRACTOR,) = PROJECT["plugins"]["extractors"]


def test_the_plugins_settings_are_the_taps():
    assert EXTRACTOR["settings"] == list(plugin.settings())


def test_the_plugins_capabilities_are_the_taps():
    assert EXTRACTOR["capabilities"] == plugin.capabilities()


def test_what_the_plugin_selects_is_what_the_tap_does():
    assert EXTRACTOR["select"] == plugin.selection()


def test_what_meltano_asks_for_is_what_the_tap_requires():
    assert EXTRACTOR["settings_group_validation"] == [plugin.REQUIRED]


def test_loaders_are_pinned():
    for loader in PROJECT["plugins"]["loaders"]:
        assert all("==" in package for package in loader["pip_url"].split())
