"""The settings, from the environment or from root keys of `.streamlit/secrets.toml`. They are read nowhere else."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, cast, get_args
from urllib.parse import urlsplit

from kie import InvalidInput, check_token

Interface = Literal["auto", "direct", "jobs"]
SECRETS = Path(__file__).parent.parent / ".streamlit" / "secrets.toml"


class BadSetting(ValueError):
    """A setting cannot be used; the text names it and says what it takes."""


@dataclass(frozen=True, slots=True)
class Settings:
    """What the operator of an installation can set; README has the table."""

    api_key: str = field(default="", repr=False)
    """A token for everybody who uses this installation; without one ("") each person is asked for theirs."""
    base_url: str = "https://api.kie.ai"
    """The only host that tokens are sent to."""
    read_timeout: float = 120.0
    """Seconds to wait for the answer to a request that creates."""
    rate_limit: int = 20
    """Requests for a persona that leave for one account in `rate_period` seconds, at most."""
    rate_period: float = 10.0
    database_url: str = field(default="sqlite:///data/studio.db", repr=False)
    """May hold a password."""
    sign_in: bool = False
    """Whether secrets.toml has [auth], which Streamlit reads."""
    interface: Interface = "auto"
    """Which of KIE's interfaces makes personas; "auto" takes the direct one unless only jobs will do."""


def load(environment: Mapping[str, str] = os.environ, secrets: Path = SECRETS) -> Settings:
    """Read the settings; the environment wins over the file. Raises `BadSetting`."""
    try:
        content = tomllib.loads(secrets.read_text(encoding="utf-8"))
    except FileNotFoundError:
        content = {}
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, OSError):
        raise BadSetting(f"{secrets.name} cannot be read as TOML.") from None
    filed = {key: str(value) for key, value in content.items() if isinstance(value, str | int | float)}

    def text(name: str, default: str) -> str:
        return (environment.get(name) or filed.get(name) or default).strip()

    def number(name: str, default: float) -> float:
        try:
            value = float(text(name, str(default)))
        except ValueError:
            value = 0.0
        if not 0 < value < 1e6:
            raise BadSetting(f"{name} takes a number above 0, such as {default:g}.")
        return value

    api_key = text("KIE_API_KEY", "")
    try:
        api_key = api_key and check_token(api_key)
    except InvalidInput as error:
        raise BadSetting(f"KIE_API_KEY cannot be used. {error.sentence}") from None
    base_url = text("KIE_BASE_URL", "https://api.kie.ai").rstrip("/")
    if not _is_plain_address(base_url):
        raise BadSetting("KIE_BASE_URL takes an address such as https://api.kie.ai.")
    interface = text("KIE_INTERFACE", "auto").lower()
    if interface not in get_args(Interface):
        raise BadSetting("KIE_INTERFACE takes auto, direct or jobs.")
    return Settings(
        api_key=api_key,
        base_url=base_url,
        read_timeout=number("KIE_READ_TIMEOUT", 120),
        rate_limit=max(1, int(number("KIE_RATE_LIMIT", 20))),
        rate_period=number("KIE_RATE_PERIOD", 10),
        database_url=text("DATABASE_URL", "sqlite:///data/studio.db"),
        sign_in="auth" in content,
        interface=cast(Interface, interface),
    )


def _is_plain_address(address: str) -> bool:
    """Whether an address has no user, query or fragment: these would be sent along with each request."""
    try:
        parts = urlsplit(address)
        named = bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False
    return parts.scheme in ("https", "http") and named and not ("@" in parts.netloc or "?" in address or "#" in address)
