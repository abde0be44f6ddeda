"""The files that options name, and environment variables: how they are read, what errors show."""

import json
import os

import pytest

from tap_dixa.environment import misspelt_variables
from tap_dixa.errors import SettingsError
from tap_dixa.singer.command import read_object
from tap_dixa.tap import TapDixa

SECRET = "t0ken-that-must-not-be-seen"  # noqa: S105


@pytest.mark.parametrize(
    "given",
    [
        json.dumps({"api_token": SECRET}),
        f"{{api_token: {SECRET}}}",
        f'"api_token": "{SECRET}"',
        f"api_token: {SECRET}",
        f"api_token={SECRET}",
        f"\n\n{SECRET}\n",
        "{" + SECRET * 200,
    ],
)
def test_what_is_given_in_place_of_a_file_is_not_shown(given):
    with pytest.raises(SettingsError, match=r"^--config expects a file name") as refused:
        read_object("--config", given)
    assert SECRET not in str(refused.value)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (f'{{"api_token": "{SECRET}"'.encode(), "is not JSON: Expecting"),
        (f'{{"api_token": "{SECRET}\n"}}'.encode(), "is not JSON: Invalid control"),
        (f'{{"api_token": "{SECRET}\\q"}}'.encode(), "is not JSON: Invalid"),
        (f'{{"api_token": {SECRET}}}'.encode(), "is not JSON: Expecting value"),
        (f'{{"api_token": "{SECRET}"}}'.encode("utf-16"), "is not UTF-8"),
        (b'{"a": ' * 100_000, "is not JSON"),
        (f'["{SECRET}"]'.encode(), "does not hold a JSON object"),
    ],
)
def test_a_file_that_cannot_be_used_is_named_and_not_shown(tmp_path, content, said):
    file = tmp_path / "given.json"
    file.write_bytes(content)
    with pytest.raises(SettingsError) as refused:
        read_object("--state", str(file))
    assert str(refused.value).startswith(f"--state {file} {said}")
    assert SECRET not in str(refused.value)


@pytest.fixture(autouse=True)
def required(monkeypatch):
    monkeypatch.setenv("TAP_DIXA_API_TOKEN", "token-of-the-test")
    monkeypatch.setenv("TAP_DIXA_START_DATE", "2025-01-31")


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("window_days", "7", 7),
        ("window_days", "", 31),
        ("refresh_anonymized", "FALSE", False),
        ("refresh_anonymized", "off", False),
        ("refresh_anonymized", "1", True),
        ("refresh_anonymized", "yes", True),
        ("analytics_record_ids", '["ratings"]', ("ratings",)),
        ("conversation_ids", "[7, 8]", (7, 8)),
        ("conversation_ids", "7,8", (7, 8)),
        ("conversation_ids", "7", (7,)),
        ("user_agent", " 7 ", "7"),
    ],
)
def test_a_text_becomes_what_the_setting_holds(monkeypatch, name, text, value):
    monkeypatch.setenv(f"TAP_DIXA_{name.upper()}", text)
    before = dict(os.environ)
    tap = TapDixa(parse_env_config=True)
    assert getattr(tap.run.settings, name) == value
    assert dict(os.environ) == before


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("WINDOW_DAYS", "9" * 5000),
        ("WINDOW_DAYS", "seven"),
        ("REFRESH_ANONYMIZED", "tru"),
        ("REFRESH_ANONYMIZED", "\udcff"),
        ("ANALYTICS_RECORD_IDS", "[" * 10_000),
        ("ANALYTICS_RECORD_IDS", "a,b"),
        ("CONVERSATION_IDS", "7,x"),
        ("START_DATE", "9" * 5000),
        ("STREAM_MAPS", "{'tags': null}"),
        ("FLATTENING_MAX_DEPTH", "deep"),
    ],
)
def test_a_variable_that_cannot_be_read_is_one_short_line(monkeypatch, name, text):
    monkeypatch.setenv(f"TAP_DIXA_{name}", text)
    with pytest.raises(SettingsError) as refused:
        TapDixa(config={}, parse_env_config=True)
    assert name in str(refused.value).upper()
    assert len(str(refused.value)) < 250


@pytest.mark.parametrize("content", [b"A=\xff\n", b"TAP_DIXA_USER_AGENT=a\0b\n", b"'A=B'=c\n"])
def test_a_dotenv_file_that_cannot_be_used_is_named(monkeypatch, tmp_path, content):
    file = tmp_path / ".env"
    file.write_bytes(content)
    monkeypatch.setattr("singer_sdk.configuration._dict_config.find_dotenv", lambda **_: str(file))
    with pytest.raises(SettingsError, match=r"a file .env cannot be used: "):
        TapDixa(config={}, parse_env_config=True)


def test_a_variable_that_is_nearly_one_of_a_setting_is_pointed_to(monkeypatch):
    for name in ("TAP_DIXA_WINDOWDAYS", "TAP_DIXA_TOKEN", "TAP_DIXA_HASH_SEED"):
        monkeypatch.setenv(name, "1")
    assert sorted(misspelt_variables(TapDixa.config_jsonschema, "TAP_DIXA_")) == [
        ("TAP_DIXA_TOKEN", "TAP_DIXA_API_TOKEN"),
        ("TAP_DIXA_WINDOWDAYS", "TAP_DIXA_WINDOW_DAYS"),
    ]
