"""The files that options name: how they are read, and what an error shows of them."""

from __future__ import annotations

import json

import click
import pytest

from tap_dixa.cli import JsonObjectFile, read_config, set_up_log
from tap_dixa.errors import SettingsError
from tap_dixa.tap import TapDixa
from tests.conftest import settings

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


@pytest.mark.parametrize("empty", ["", " "])
@pytest.mark.parametrize("variable", ["TAP_DIXA_LOGLEVEL", "LOGLEVEL", "SINGER_SDK_LOG_CONFIG"])
def test_an_empty_variable_counts_as_not_set(serve, run_tap, variable, empty):
    sandbox = serve(days=3)
    environment = {"TAP_DIXA_LOGLEVEL": "", variable: empty}
    run = run_tap(settings(sandbox), environment=environment)
    assert run.status == 0, run.log
    assert len(run.of("SCHEMA")) == 2


ODD = {
    "WINDOW_DAYS": ["9" * 5000, "1e3", "nan", "٣", "1_0"],
    "REFRESH_ANONYMIZED": ["2", "\udcff", "İ"],
    "ANALYTICS_RECORD_IDS": ["[" * 10_000, "[" * 900 + "]" * 900, "a,b", "[" + "9" * 5000 + "]"],
    "START_DATE": ["9" * 5000, "\udcff", "1e999"],
    "STREAM_MAPS": ['{"a":' * 10_000, "\udcff", '{"a":' * 300 + "1" + "}" * 300],
    "BATCH_CONFIG": ["[" * 10_000],
}


@pytest.mark.parametrize(
    ("name", "text"), [(name, text) for name, texts in ODD.items() for text in texts]
)
def test_a_variable_that_cannot_be_read_is_one_short_line(monkeypatch, name, text):
    monkeypatch.setenv("TAP_DIXA_API_TOKEN", "t0ken")
    monkeypatch.setenv("TAP_DIXA_START_DATE", "2025-01-01")
    monkeypatch.setenv(f"TAP_DIXA_{name}", text)
    with pytest.raises(SettingsError) as refused:
        TapDixa(config={}, parse_env_config=True)
    said = str(refused.value)
    assert name in said.upper()
    assert len(said) < 250
    assert "int()" not in said
    assert "set_int_max" not in said


def test_a_log_level_of_the_tap_s_own_comes_first(monkeypatch):
    monkeypatch.setenv("LOGLEVEL", "loud")
    monkeypatch.setenv("TAP_DIXA_LOGLEVEL", "debug")
    command = click.Command("tap-dixa")
    assert set_up_log(lambda: command) is command


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"A=\xff\n", "UTF-8"),
        ("A=1\n".encode("utf-16"), "UTF-8"),
        (b"TAP_DIXA_USER_AGENT=a\0b\n", "null byte"),
        (b"A\0B=c\n", "null byte"),
        (b"'A=B'=c\n", "variable name"),
    ],
)
def test_a_dotenv_file_that_cannot_be_used_is_named(monkeypatch, tmp_path, content, said):
    file = tmp_path / ".env"
    file.write_bytes(content)
    monkeypatch.setattr("singer_sdk.configuration._dict_config.find_dotenv", lambda: str(file))
    with pytest.raises(SettingsError, match=f"a file .env cannot be .*{said}"):
        TapDixa(config={"api_token": "t0ken"}, parse_env_config=True)
