"""What several test files share."""

import pytest

from tests.tiny import tiny_net


@pytest.fixture(scope="session")
def net(tmp_path_factory):
    """The folder of tiny.TEXT's net."""
    return tiny_net(tmp_path_factory.mktemp("models") / "tiny")
