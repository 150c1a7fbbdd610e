"""What choosing an engine does to the process."""

import os
import subprocess
import sys

import pytest

from deepdream import engines
from tests.helpers.tiny import ROOT

ENVIRON = dict(os.environ)


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


def test_threads_may_choose_at_the_same_time(tmp_path):
    """The first import of the engine on Caffe fails here, and takes a while."""
    (tmp_path / "caffe.py").write_text("import time; time.sleep(0.2)")
    program = """
from concurrent.futures import ThreadPoolExecutor
from deepdream.engines import choose_engine
with ThreadPoolExecutor(4) as pool:
    print({engine.__name__ for engine in pool.map(choose_engine, ["auto"] * 4)})
"""
    environ = {**ENVIRON, "PYTHONPATH": os.pathsep.join([str(tmp_path), str(ROOT)])}
    done = subprocess.run([sys.executable, "-c", program], env=environ, stdout=subprocess.PIPE, check=True)
    assert done.stdout == b"{'deepdream.engines.torch'}\n"
