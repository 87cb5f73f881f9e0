"""The Avro schemas: the contract with every warehouse, and what keeps rows to it.

In: the hand-written `*.avsc` beside this file, one a data set and major version. Out: parsed schemas, gates that refuse
a record before it reaches a file, and container files whose bytes depend on the rows alone. Nothing of the other
packages is imported here.
"""

from schemas.container import RowHash, write_container
from schemas.gate import Gate, GateError
from schemas.registry import DATA_SETS, DataSet, data_set

__all__ = ["DATA_SETS", "DataSet", "Gate", "GateError", "RowHash", "data_set", "write_container"]
