"""Where settings come from, and which are refused by name."""

from __future__ import annotations

from pathlib import Path

import pytest

from studio.settings import BadSetting, Settings, load

NOWHERE = Path("/nowhere/secrets.toml")


@pytest.fixture
def secrets(tmp_path: Path) -> Path:
    path = tmp_path / "secrets.toml"
    path.write_text('KIE_API_KEY = "from-the-file"\nKIE_RATE_LIMIT = 7\nKIE_RATE_PERIOD = 2.5\n[other]\nkey = "x"\n')
    return path


def test_without_any_setting_the_documented_defaults_hold() -> None:
    assert load({}, NOWHERE) == Settings("", "https://api.kie.ai", 120.0, 20, 10.0, "sqlite:///data/studio.db")


def test_every_setting_can_come_from_the_environment() -> None:
    environment = {
        "KIE_API_KEY": "key",
        "KIE_BASE_URL": "http://127.0.0.1:8787",
        "KIE_READ_TIMEOUT": "30",
        "KIE_RATE_LIMIT": "5",
        "KIE_RATE_PERIOD": "1.5",
        "DATABASE_URL": "postgresql://db/studio",
        "KIE_INTERFACE": "Jobs",
    }
    assert load(environment, NOWHERE) == Settings(
        "key", "http://127.0.0.1:8787", 30.0, 5, 1.5, "postgresql://db/studio", interface="jobs"
    )


def test_an_interface_that_does_not_exist_is_refused_by_name() -> None:
    with pytest.raises(BadSetting, match="KIE_INTERFACE takes auto, direct or jobs"):
        load({"KIE_INTERFACE": "job"}, NOWHERE)


def test_settings_can_come_from_the_secrets_file(secrets: Path) -> None:
    settings = load({}, secrets)
    assert (settings.api_key, settings.rate_limit, settings.rate_period) == ("from-the-file", 7, 2.5)


def test_the_environment_wins_over_the_file(secrets: Path) -> None:
    assert load({"KIE_API_KEY": "from-the-environment"}, secrets).api_key == "from-the-environment"


def test_an_empty_variable_leaves_it_to_the_file(secrets: Path) -> None:
    assert load({"KIE_API_KEY": ""}, secrets).api_key == "from-the-file"


@pytest.mark.parametrize("name", ["KIE_READ_TIMEOUT", "KIE_RATE_LIMIT", "KIE_RATE_PERIOD"])
def test_a_number_that_makes_no_sense_is_refused_by_name(name: str) -> None:
    for value in ("ten", "0", "-1", "nan", "inf", "1e9", "10 s"):
        with pytest.raises(BadSetting, match=name):
            load({name: value}, NOWHERE)


def test_a_limit_below_one_request_is_one() -> None:
    assert load({"KIE_RATE_LIMIT": "0.5"}, NOWHERE).rate_limit == 1


@pytest.mark.parametrize(
    "address",
    [
        "api.kie.ai",
        "ftp://api.kie.ai",
        "file:///etc/passwd",
        "https://",
        "https:api.kie.ai",
        "https://user@api.kie.ai",
        "https://:password@api.kie.ai",
        "https://api.kie.ai?to=elsewhere",
        "https://api.kie.ai?",
        "https://api.kie.ai#part",
        "https://api.kie.ai:port",
        "https://api.kie.ai:99999",
        "https://[::1",
    ],
)
def test_a_base_url_that_is_no_plain_address_is_refused_by_name(address: str) -> None:
    with pytest.raises(BadSetting, match="KIE_BASE_URL"):
        load({"KIE_BASE_URL": address}, NOWHERE)


@pytest.mark.parametrize("address", ["https://kie.example", "http://127.0.0.1:8787", "http://[::1]:8787"])
def test_an_operator_may_choose_another_host(address: str) -> None:
    assert load({"KIE_BASE_URL": address}, NOWHERE).base_url == address


def test_a_slash_at_the_end_of_the_base_url_is_dropped() -> None:
    assert load({"KIE_BASE_URL": "https://kie.example/"}, NOWHERE).base_url == "https://kie.example"


def test_a_key_that_cannot_be_a_token_is_refused_by_name() -> None:
    with pytest.raises(BadSetting, match="KIE_API_KEY"):
        load({"KIE_API_KEY": "two words"}, NOWHERE)


def test_a_refused_key_is_not_repeated() -> None:
    with pytest.raises(BadSetting) as raised:
        load({"KIE_API_KEY": "hush hush"}, NOWHERE)
    assert "hush" not in f"{raised.value} {raised.value.__context__.__class__}"


def test_a_file_that_is_no_toml_is_refused_without_its_content(tmp_path: Path) -> None:
    path = tmp_path / "secrets.toml"
    path.write_text("KIE_API_KEY = hush")
    with pytest.raises(BadSetting) as raised:
        load({}, path)
    assert str(raised.value) == "secrets.toml cannot be read as TOML."


@pytest.mark.parametrize("secret", ["the-key", "the-password"])
def test_no_secret_is_in_the_repr(secret: str) -> None:
    settings = load({"KIE_API_KEY": "the-key", "DATABASE_URL": "postgresql://me:the-password@db/studio"}, NOWHERE)
    assert secret not in repr(settings)
