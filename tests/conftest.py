"""What all tests share: where the samples are, and where the development data may be."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import settings

ROOT = Path(__file__).parent.parent
SAMPLES = ROOT / "samples" / "wire"
DEVELOPMENT_DATA = ROOT.parent / "shared" / "data"


@pytest.fixture(scope="session")
def development_data() -> Path:
    """The folder of development data, which is not part of the project."""
    if not DEVELOPMENT_DATA.is_dir():
        pytest.skip("the development data ../shared/data is not here")
    return DEVELOPMENT_DATA


def pytest_runtest_makereport(item, call):
    """STORYWIRE_NEVER_SKIP names markers (`runner,learn`) whose tests fail where they would be skipped."""
    skipped = call.excinfo is not None and call.excinfo.errisinstance(pytest.skip.Exception)
    never = os.environ.get("STORYWIRE_NEVER_SKIP", "").split(",")
    if skipped and any(mark.name in never for mark in item.iter_markers()):
        try:
            raise AssertionError(f"skipped: {call.excinfo.value}")
        except AssertionError:
            call.excinfo = pytest.ExceptionInfo.from_current()


# Properties try a few new examples on every start, and in CI, which sets STORYWIRE_EXAMPLES, many that are always the
# same: a change should fail for what it changed.
EXAMPLES = os.environ.get("STORYWIRE_EXAMPLES")
settings.register_profile(
    "storywire", max_examples=int(EXAMPLES or 25), derandomize=EXAMPLES is not None, deadline=None, database=None
)
settings.load_profile("storywire")
