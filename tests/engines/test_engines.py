"""What choosing an engine does to the process."""

import os

import pytest

from deepdream import engines


@pytest.fixture(autouse=True)
def _nothing_set(monkeypatch):
    pytest.importorskip("torch")
    monkeypatch.setattr(os, "environ", {})
    monkeypatch.setattr(engines, "_torch", lambda: None)


def test_threads_wait_briefly():
    engines.choose_engine("torch")
    assert os.environ["GOMP_SPINCOUNT"] == str(engines.SPINS)


@pytest.mark.parametrize(("name", "value"), [("GOMP_SPINCOUNT", "5"), ("OMP_WAIT_POLICY", "ACTIVE")])
def test_how_threads_wait_is_the_users_choice(name, value):
    os.environ[name] = value
    engines.choose_engine("torch")
    assert {os.environ.get(key) for key in ("GOMP_SPINCOUNT", "OMP_WAIT_POLICY")} == {value, None}
