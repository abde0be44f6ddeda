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
        ("api_token", 7),
        ("start_date", None),
        ("start_date", ""),
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
        ("dixa_api_url", "http://127.0.0.1.example"),
        ("exports_api_url", "http://10.0.0.1"),
        ("exports_api_url", "http://localhost.example"),
        ("exports_api_url", "HTTP://exports.dixa.io"),
        ("exports_api_url", "http://user@127.0.0.1"),
        ("user_agent", "a\r\nb"),
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


@pytest.mark.parametrize("where", [{}, {"conversations": {}}])
def test_the_rest_of_stream_maps_can_only_be_dropped(where):
    maps = {name: {"__else__": SECRET} for name in where} or {"__else__": SECRET}
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


def test_a_typing_mistake_in_a_setting_is_refused_and_another_program_s_is_ignored():
    for name, meant in (
        ("stream_map", "stream_maps"),
        ("refresh_anonymised", "refresh_anonymized"),
    ):
        with pytest.raises(SettingsError, match=f"no setting {name}. Did you mean {meant}"):
            TapDixa(config={**GOOD, name: None})
    assert TapDixa(config={**GOOD, "comment": "ours", "interval": 5}).run.settings.window_days == 31
