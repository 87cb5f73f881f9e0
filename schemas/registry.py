"""Loads the schemas by name and fingerprints them.

A data set's schema is `NAME.vMAJOR.avsc`. The fingerprint is over the sorted full JSON, because Avro's own parsing
canonical form drops logical types, defaults and docs.
"""

from __future__ import annotations

import functools
import hashlib
import json
from pathlib import Path
from typing import Any, NamedTuple

import fastavro

Schema = dict[str, Any]

# The major version that runs write now, a data set.
DATA_SETS = {"articles": "articles.v1", "stories": "stories.v1", "rejects": "rejects.v1", "ledger": "ledger.v1"}


class DataSet(NamedTuple):
    """A data set's schema as the project uses it."""

    name: str
    """`articles`, `stories`, `rejects` or `ledger`."""
    version: str
    """`articles.v1`: the schema's file name without its ending."""
    schema: Schema
    """The schema as written, plain JSON."""
    fingerprint: str
    """SHA-256 of the sorted JSON, hex."""

    def part(self, names: list[str]) -> Schema:
        """The schema of some of the fields, in the schema's own order, parsed for fastavro.

        An Avro record is its fields' bytes in order, so encoded parts that follow one another are the whole record.
        """
        fields = [field for field in self.schema["fields"] if field["name"] in names]
        return parsed({**self.schema, "fields": fields})

    def field_names(self) -> list[str]:
        """All field names in order."""
        return [field["name"] for field in self.schema["fields"]]


@functools.cache
def data_set(name: str) -> DataSet:
    """The data set `name` (a key of DATA_SETS) with the schema that runs write now."""
    version = DATA_SETS[name]
    schema: Schema = json.loads((Path(__file__).parent / f"{version}.avsc").read_text(encoding="utf-8"))
    return DataSet(name, version, schema, fingerprint_of(schema))


def fingerprint_of(schema: Schema) -> str:
    """SHA-256 (hex) of a schema's sorted JSON."""
    canonical = json.dumps(schema, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(canonical.encode()).hexdigest()


def parsed(schema: Schema) -> Schema:
    """`schema` as fastavro wants it, without registering its names globally.

    It is marked as parsed: fastavro would parse it again for each record, which takes longer than to write one.
    """
    result: Schema = fastavro.parse_schema(schema, named_schemas={})
    return result
