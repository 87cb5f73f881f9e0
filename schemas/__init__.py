"""The Avro schemas: the contract with every warehouse, and what keeps rows to it.

In: the hand-written `*.avsc` beside this file, one a data set and major version. Out: parsed schemas, gates that refuse
a record before it reaches a file, and container files whose bytes depend on the rows alone. Nothing of the other
packages is imported here.
"""

from schemas.container import CODECS, Container, RowHash, codec_at_hand, write_container
from schemas.gate import Gate, GateError
from schemas.registry import DATA_SETS, DataSet, Schema, data_set, fingerprint_of, parsed

__all__ = [
    "CODECS", "DATA_SETS", "Container", "DataSet", "Gate", "GateError", "RowHash", "Schema", "codec_at_hand",
    "data_set", "fingerprint_of", "parsed", "write_container",
]  # fmt: skip
