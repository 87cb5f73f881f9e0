"""Writes golden files: see the package."""

import sys

from tests.transforms.golden import main

print("\n".join(main(sys.argv[1:])))
