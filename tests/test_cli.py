"""The files that options name: how they are read, and what an error shows of them."""

from __future__ import annotations

import json

import click
import pytest

from tap_dixa.cli import JsonObjectFile, read_config, set_up_log
from tap_dixa.errors import SettingsError

SECRET = "t0ken-that-must-not-be-seen"  # noqa: S105
OPTIONS = {
    "--config": read_config,
    "--state": lambda value: JsonObjectFile().convert(value, click.Option(["--state"]), None),
}
each_option = pytest.mark.parametrize(("option", "read"), OPTIONS.items(), ids=OPTIONS)


@each_option
@pytest.mark.parametrize(
    "given",
    [
        json.dumps({"api_token": SECRET}),
        json.dumps({"api_token": SECRET}, indent=2),
        f"{{api_token: {SECRET}}}",
        f'\'{{"api_token": "{SECRET}"}}\'',
        f'"api_token": "{SECRET}"',
        f'[{{"api_token": "{SECRET}"}}]',
        f"api_token: {SECRET}",
        f"api_token={SECRET}",
        f"\n\n{SECRET}\n",
        "{" + SECRET * 200,
    ],
)
def test_what_is_given_in_place_of_a_file_is_not_shown(option, read, given):
    with pytest.raises(SettingsError) as refused:
        read(given)
    assert SECRET not in str(refused.value)
    assert str(refused.value).startswith(f"{option} expects a file name")


@each_option
@pytest.mark.parametrize(
    ("content", "said"),
    [
        (f'{{"api_token": "{SECRET}"'.encode(), "is not JSON: Expecting"),
        (f'{{"api_token": "{SECRET}\n"}}'.encode(), "is not JSON: Invalid control"),
        (f'{{"api_token": "{SECRET}\\q"}}'.encode(), "is not JSON: Invalid"),
        (f'{{"api_token": {SECRET}}}'.encode(), "is not JSON: Expecting value"),
        (f'{{"api_token": "{SECRET} é"}}'.encode("latin-1"), "is not UTF-8"),
        (f'{{"api_token": "{SECRET}"}}'.encode("utf-16"), "is not UTF-8"),
        (b'{"a": ' * 100_000, "is nested more than"),
        (b'{"a": ' * 200 + b"1" + b"}" * 200, "is nested more than"),
        (b"[" * 100_000, "is nested more than"),
        (f'["{SECRET}"]'.encode(), "does not hold a JSON object"),
    ],
)
def test_a_file_that_cannot_be_used_is_named_and_not_shown(tmp_path, option, read, content, said):
    file = tmp_path / "given.json"
    file.write_bytes(content)
    with pytest.raises(SettingsError) as refused:
        read(str(file))
    assert str(refused.value).startswith(f"{option} {file} {said}")
    assert SECRET not in str(refused.value)


@each_option
@pytest.mark.parametrize("name", ["a.json", "{a}.json"[1:], "day=2025-01-31, a b [1].json", "é"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
def test_a_file_is_read_as_utf_8_with_or_without_a_mark(tmp_path, option, read, name, encoding):
    assert option
    content = {"a": "é…", "deep": [[{"b": [{}]}]]}
    file = tmp_path / name
    file.write_text(json.dumps(content, ensure_ascii=False), encoding=encoding)
    assert read(str(file)) == content


@pytest.mark.parametrize("variable", ["TAP_DIXA_LOGLEVEL", "LOGLEVEL"])
def test_a_log_level_that_there_is_not_is_named(monkeypatch, variable):
    monkeypatch.setenv(variable, "loud")
    with pytest.raises(SettingsError, match=variable):
        set_up_log(lambda: pytest.fail("it was set up"))


def test_a_log_level_of_the_tap_s_own_comes_first(monkeypatch):
    monkeypatch.setenv("LOGLEVEL", "loud")
    monkeypatch.setenv("TAP_DIXA_LOGLEVEL", "debug")
    command = click.Command("tap-dixa")
    assert set_up_log(lambda: command) is command
