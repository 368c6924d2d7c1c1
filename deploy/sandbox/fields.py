"""Owns the reading of control requests: typed fields, one sentence an error.
"""

from __future__ import annotations

from typing import Any

from aiohttp import web

from drafts import Malformed, read_json

REQUIRED = object()


class BadField(Exception):
    """The request is wrong; the text says where and why."""


class Fields:
    """A JSON object of which every field must be asked for."""

    def __init__(self, values: dict[str, Any]) -> None:
        self._values = values

    @classmethod
    async def read(cls, request: web.Request) -> "Fields":
        """An empty body is an empty object."""
        raw = await request.read()
        try:
            return cls(read_json(raw) if raw.strip() else {})
        except Malformed as problem:
            raise BadField(str(problem)) from problem

    def done(self) -> None:
        """Whatever was not asked for is a mistake of the caller."""
        for name in self._values:
            raise BadField(f"{name} is not a field of this request")

    def rest(self) -> dict[str, Any]:
        """All that is left."""
        left, self._values = self._values, {}
        return left

    def _take(self, name: str, default: Any) -> Any:
        value = self._values.pop(name, default)
        if value is REQUIRED:
            raise BadField(f"{name} is required")
        return value

    def text(self, name: str, default: Any = REQUIRED) -> Any:
        """A string; whole numbers are taken as digits."""
        value = self._take(name, default)
        if isinstance(value, int) and not isinstance(value, bool):
            value = str(value)
        if value is not default and not isinstance(value, str):
            raise BadField(f"{name} must be a text")
        return value

    def phone(self, name: str, default: Any = REQUIRED) -> Any:
        """A number without its plus and the spaces people type."""
        value = self.text(name, default)
        if value is default:
            return value
        return value.strip().removeprefix("+").replace(" ", "")

    def number(self, name: str, default: Any, most: float,
               kind: type = int) -> Any:
        """From 0 to `most`; `kind` is int or float."""
        value = self._take(name, default)
        if value is default:
            return value
        right = isinstance(value, (int, kind)) and not isinstance(value, bool)
        if not right or not 0 <= value <= most:
            raise BadField(f"{name} must be a number from 0 to {most}")
        return value

    def flag(self, name: str, default: bool) -> bool:
        value = self._take(name, default)
        if not isinstance(value, bool):
            raise BadField(f"{name} must be true or false")
        return value

    def choice(self, name: str, choices: tuple[Any, ...],
               default: Any = REQUIRED) -> Any:
        value = self._take(name, default)
        if value not in choices:
            listed = ", ".join(str(choice) for choice in choices)
            raise BadField(f"{name} must be one of {listed}")
        return value

    def pairs(self, name: str) -> list[tuple[str, str]]:
        """A list of two-text lists."""
        value = self._take(name, [])
        if not isinstance(value, list) or not all(
                isinstance(pair, list) and len(pair) == 2
                and all(isinstance(part, str) for part in pair)
                for pair in value):
            raise BadField(f"{name} must be a list of [key, value] texts")
        return [(key, text) for key, text in value]
