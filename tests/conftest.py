"""No test reaches beyond this machine: a connection to any other address fails it, in child processes too."""

import os
import runpy
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from index import Index
from tests.fakes import HashEncoder

# How long an example takes says how busy the machine is. The examples are the same in every run, so that none
# fails what others did; only `make torture` (FUZZ_EXAMPLES) looks for new ones.
settings.register_profile(
    "busy",
    deadline=None,
    derandomize="FUZZ_EXAMPLES" not in os.environ,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("busy")
_OFFLINE = Path(__file__).parent / "offline"
os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [str(_OFFLINE), os.environ.get("PYTHONPATH", "")]))
runpy.run_path(str(_OFFLINE / "sitecustomize.py"))


def pytest_collection_modifyitems(items):
    """What fails in the browser is tried once more, and the summary says so.

    Chromium, the server and the models share two cores there: a test that fails twice has found something.
    """
    for item in items:
        if "browser" in item.fixturenames:
            item.add_marker(pytest.mark.flaky(reruns=1))


@pytest.fixture(scope="module")
def browser():
    from tests.browser import chromium

    with chromium() as browser:
        yield browser


@pytest.fixture
def index(tmp_path, docs):
    """The folder that the module's fixture ``docs`` gives, indexed with the quick encoder."""
    with Index.open(tmp_path / ".qa", encoder=HashEncoder(), create=True) as opened:
        opened.add([docs])
        yield opened
