"""The gate: refuses a record that is not exactly what its schema says, before a byte of it is encoded.

fastavro's own validation lets through what corrupts a file or a meaning later: extra fields, an int for a double, NaN,
a lone surrogate; and its writer turns 5.7 into 5 in a long. The gate is built once from a schema as nested functions
and is stricter than both.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

Check = Callable[[Any], "str | None"]

_LONG_MIN, _LONG_MAX = -(2**63), 2**63 - 1


class GateError(ValueError):
    """A record that its schema does not allow; the message names field and cause."""


class Gate:
    """Checks records against the fields of one record schema (or of a part of one)."""

    def __init__(self, schema: Mapping[str, Any]) -> None:
        self._name = str(schema["name"]).rsplit(".", 1)[-1]
        self._checks = [(field["name"], _check(field["type"])) for field in schema["fields"]]
        self._names = frozenset(name for name, _ in self._checks)

    def check(self, record: Mapping[str, Any]) -> None:
        """Raises GateError unless `record` has exactly the schema's fields, each of exactly its type."""
        if record.keys() != self._names:
            odd = sorted(record.keys() ^ self._names)
            raise GateError(f"{self._name}: fields missing or unknown: {', '.join(odd)}")
        for name, check in self._checks:
            fault = check(record[name])
            if fault is not None:
                raise GateError(f"{self._name}.{name}: {fault}")


def _check(schema: Any) -> Check:
    if isinstance(schema, list):
        others = [part for part in schema if part != "null"]
        if len(others) != 1 or len(schema) != 2:
            raise ValueError(f"a union of null and one type is all that warehouses agree on, not {schema}")
        inner = _check(others[0])
        return lambda value: None if value is None else inner(value)
    if isinstance(schema, dict):
        if schema["type"] == "array":
            return _array(_check(schema["items"]))
        if schema["type"] == "record":
            return _record(Gate(schema))
        return _check(schema["type"])
    simple: dict[str, Check] = {"string": _string, "long": _long, "double": _double, "boolean": _boolean}
    return simple[schema]


def _string(value: Any) -> str | None:
    if type(value) is not str:
        return f"wants text, got {type(value).__name__}"
    if not value.isascii():
        try:
            value.encode()
        except UnicodeEncodeError as error:
            return f"a lone surrogate {value[error.start]!a} at character {error.start}"
    return None


def _long(value: Any) -> str | None:
    if type(value) is not int:
        return f"wants a whole number, got {type(value).__name__}"
    return None if _LONG_MIN <= value <= _LONG_MAX else f"{value} does not fit 64 bits"


def _double(value: Any) -> str | None:
    if type(value) is not float:
        return f"wants a float, got {type(value).__name__}"
    return None if math.isfinite(value) else f"{value} is no number"


def _boolean(value: Any) -> str | None:
    return None if type(value) is bool else f"wants true or false, got {type(value).__name__}"


def _array(check: Check) -> Check:
    def checked(value: Any) -> str | None:
        if type(value) is not list:
            return f"wants a list, got {type(value).__name__}"
        for index, item in enumerate(value):
            fault = check(item)
            if fault is not None:
                return f"item {index}: {fault}"
        return None

    return checked


def _record(gate: Gate) -> Check:
    def checked(value: Any) -> str | None:
        if type(value) is not dict:
            return f"wants a record, got {type(value).__name__}"
        try:
            gate.check(value)
        except GateError as error:
            return str(error)
        return None

    return checked
