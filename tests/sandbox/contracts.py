"""The two descriptions of KIE's API, and how an answer is held against them."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]  # it comes without types

DIRECT, JOBS = "kie-openapi.yaml", "kie-jobs-openapi.yaml"
"""The direct interface with an outline of the jobs interface, and the jobs interface in full."""


@lru_cache
def contract(name: str) -> dict[str, Any]:
    """Return the description, read."""
    text = (Path(__file__).parents[1] / "contract" / name).read_text(encoding="utf-8")
    spec: dict[str, Any] = yaml.load(text, yaml.CSafeLoader)
    return spec


@lru_cache
def _validator(name: str, place: str) -> Any:
    return Draft202012Validator({**contract(name), "$ref": place})


def assert_agrees(method: str, path: str, body: Any, name: str = DIRECT) -> None:
    """Hold the answer of an endpoint against a description."""
    place = f"#/paths/{path.replace('/', '~1')}/{method}/responses/200"
    place = contract(name)["paths"][path][method]["responses"]["200"].get("$ref", place)
    _validator(name, f"{place}/content/application~1json/schema").validate(body)


def assert_is(schema: str, value: Any) -> None:
    """Hold a value against a schema of the jobs interface, by the schema's name."""
    _validator(JOBS, f"#/components/schemas/{schema}").validate(value)
