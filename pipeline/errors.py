"""What a person did wrong or the world refused, told without a traceback."""

from __future__ import annotations


class OptionError(Exception):
    """An option is wrong; the message says which and what to write instead. Nothing was read. Exit code 2."""


class RunError(Exception):
    """The run failed; the message says what failed and what to do. The previous output stands. Exit code 1."""
