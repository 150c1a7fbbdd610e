"""The workshop in which images are built, and what is built there once for all tests."""

import pytest

from tests.containers.workshop import Workshop, missing, serve
from tests.helpers.shared import SHARED


@pytest.fixture(scope="session")
def workshop():
    reason = missing()
    if reason:
        pytest.skip(f"images cannot be built here: {reason}")
    place = Workshop()
    yield place
    place.close()


@pytest.fixture(scope="session")
def base(workshop):
    workshop.make_base()


@pytest.fixture(scope="session")
def models():
    """The address of a server that has the real networks."""
    if not (SHARED / "models").is_dir():
        pytest.skip("needs real weights in ../shared/models")
    server, address = serve(SHARED / "models")
    yield address
    server.shutdown()


@pytest.fixture(scope="session")
def caffe_source(workshop):
    """{CAFFE_REPO, CAFFE_COMMIT} of a source on this machine."""
    return workshop.serve_caffe()


@pytest.fixture(scope="session")
def image(workshop, base, caffe_source, models):
    """The finished image's name."""
    workshop.build("dreamify:test", {**caffe_source, "MODEL_MIRROR": models})
    return "dreamify:test"
