"""The files that options name: how they are read, and what an error shows of them."""

from __future__ import annotations

import json

import pytest

from tap_dixa.errors import SettingsError
from tap_dixa.json_input import read_object

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


@pytest.mark.parametrize("name", ["a.json", "day=2025-01-31, a b [1].json", "é"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
def test_a_file_is_read_as_utf_8_with_or_without_a_mark(tmp_path, name, encoding):
    content = {"a": "é…", "deep": [[{"b": [{}]}]]}
    file = tmp_path / name
    with pytest.raises(SettingsError, match=f"{name[:5]}.* cannot be read: No such file"):
        read_object("--config", str(file))
    file.write_text(json.dumps(content, ensure_ascii=False), encoding=encoding)
    assert read_object("--config", str(file)) == content
