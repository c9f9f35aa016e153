"""A reader that takes longer to come up than a file may take in the test that uses it."""

import time

from tests.hostile_parsers import load_hostile as load

__all__ = ["load"]
time.sleep(6)
