"""What the tests beside real Caffe share."""

import pytest

from tests.engines.caffe_process import COMMAND, CaffeProcess


@pytest.fixture(scope="session")
def caffe():
    """Real Caffe, in one process for all of the tests."""
    if not COMMAND:
        pytest.skip("$CAFFE_PYTHON names no Python that has pycaffe")
    process = CaffeProcess()
    yield process
    process.close()
