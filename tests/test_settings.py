import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tap_dixa.errors import SettingsError
from tap_dixa.settings import Settings
from tap_dixa.tap import TapDixa

GOOD = {"api_token": "t0ken", "start_date": "2025-01-01"}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("api_token", None),
        ("api_token", ""),
        ("api_token", "Bearer t0ken"),
        ("api_token", "tøken"),
        ("start_date", "01/02/2025"),
        ("start_date", 1712010112345),
        ("start_date", ["2025-01-01"]),
        ("end_date", "01/02/2026"),
        ("end_date", "2024-12-31"),
        ("window_days", 32),
        ("window_days", "7"),
        ("window_days", True),
        ("lookback_seconds", -1),
        ("requests_per_minute", 0),
        ("requests_per_minute", 1.5),
        ("exports_api_url", "http://exports.dixa.io"),
        ("exports_api_url", "https://user:secret@exports.dixa.io"),
        ("exports_api_url", "https://[::1"),
        ("exports_api_url", "http://localhost.example"),
        ("exports_api_url", "http://user@127.0.0.1"),
        ("user_agent", "a\r\nb"),
        ("conversation_ids", 7),
        ("conversation_ids", ["7"]),
        ("conversation_ids", [0]),
        ("analytics_record_ids", "ratings"),
        ("intelligence_record_ids", [1]),
    ],
)
def test_what_cannot_be_used_is_refused_by_name(name, value):
    with pytest.raises(SettingsError) as refused:
        Settings.from_config({**GOOD, name: value})
    assert str(refused.value).startswith(name)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    "url", ["http://localhost:8000", "http://127.0.0.1:1/", "http://[::1]:80", "https://x.example"]
)
def test_plain_http_is_for_loopback_only(url):
    settings = Settings.from_config({**GOOD, "exports_api_url": url})
    assert settings.exports_api_url == url.rstrip("/")


@pytest.mark.parametrize("written", ["2025-1-31", "2025/01/31", 20250131, "2025-01-31 00:00"])
def test_dates_come_as_people_write_them(written):
    config = {**GOOD, "start_date": written, "end_date": written}
    tap = TapDixa(config=config, setup_mapper=False)
    assert tap.run.settings.start_date == tap.run.settings.end_date == 1_738_281_600_000
    assert tap.config["start_date"] == tap.config["end_date"] == "2025-01-31T00:00:00.000Z"


@given(
    st.one_of(
        st.tuples(st.text(min_size=2), st.sampled_from(" é\n"), st.text(min_size=2))
        .map("".join)
        .filter(lambda text: not text.strip().isascii() or " " in text.strip()),
        st.integers(min_value=10_000),
        st.lists(st.text("abcdef", min_size=4), min_size=1),
    )
)
def test_no_message_shows_the_token(token):
    with pytest.raises(SettingsError) as refused:
        Settings.from_config({**GOOD, "api_token": token})
    assert str(token) not in str(refused.value)


SECRET = "a-seed-that-nobody-may-see"  # noqa: S105
SDK = {
    "stream_map_config": [SECRET],
    "stream_maps": {"conversations": SECRET},
    "faker_config": SECRET,
    "flattening_max_depth": SECRET,
}


@pytest.mark.parametrize("maps", [{"__else__": SECRET}, {"tags": {"__else__": SECRET}}])
def test_the_rest_of_stream_maps_can_only_be_dropped(maps):
    with pytest.raises(SettingsError, match="__else__") as refused:
        TapDixa(config={**GOOD, "stream_maps": maps})
    assert SECRET not in str(refused.value)


@pytest.mark.parametrize("name", SDK)
def test_no_message_shows_the_value_of_a_setting_of_the_sdk(name):
    with pytest.raises(SettingsError) as refused:
        TapDixa(config={**GOOD, name: SDK[name]})
    assert name in str(refused.value)
    assert SECRET not in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_typing_mistake_in_a_setting_is_refused():
    for name, meant in (
        ("stream_map", "stream_maps"),
        ("refresh_anonymised", "refresh_anonymized"),
    ):
        with pytest.raises(SettingsError, match=f"no setting {name}. Did you mean {meant}"):
            TapDixa(config={**GOOD, name: None})


@pytest.mark.parametrize(
    ("missing", "written"), [("start_date", "start_dat"), ("api_token", "api_tokn")]
)
def test_where_a_required_setting_seems_to_be_is_said(monkeypatch, missing, written):
    config = {**GOOD, written: GOOD[missing]}
    del config[missing]
    with pytest.raises(SettingsError) as refused:
        TapDixa(config=config)
    assert str(refused.value) == f"{missing} is missing. Did you mean it by {written}?"
    monkeypatch.setenv(f"TAP_DIXA_{missing.upper()}", "t0ken-or-date")
    with pytest.raises(SettingsError) as refused:
        TapDixa(config={})
    assert "api_token is missing" in str(refused.value)
    given = {name: value for name, value in GOOD.items() if name != missing}
    with pytest.raises(SettingsError) as refused:
        TapDixa(config=given)
    said = f"{missing} is missing. TAP_DIXA_{missing.upper()} is set: add --config ENV"
    assert str(refused.value) == said


def test_other_names_are_ignored_with_one_warning(caplog):
    tap = TapDixa(config={**GOOD, "comment": "ours", "interval": 5, "a b": SECRET})
    assert tap.run.settings.window_days == 31
    (warning,) = (record for record in caplog.records if record.levelname == "WARNING")
    assert warning.message.endswith("ignored: (not a plain name), comment, interval")


def test_about_has_the_words_of_the_documentation(capsys):
    TapDixa.print_about()
    shown = " ".join(capsys.readouterr().out.split())
    page = Path("docs/settings.md").read_text(encoding="utf-8")
    rows = [line.split(" | ") for line in page.splitlines() if re.match(r"`\w.* \| .* \| ", line)]
    assert len(rows) > 30
    for name, kind, _, description in (map(str.strip, row) for row in rows):
        assert f"{name} ({kind}".replace("`", "") in shown
        assert description in shown
