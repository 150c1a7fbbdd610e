"""Where a batch is worked on: what all workers have in common is in test_batch.py; here, a cluster."""

import os
import re
import signal
import sys
import time
from concurrent.futures import Future
from pathlib import Path

import pytest

from deepdream import executors, picture
from deepdream.cli import main
from deepdream.errors import DreamError
from tests.tiny import SAID, tiny_net, tiny_picture

distributed = pytest.importorskip("distributed", reason="a cluster needs Dask: pip install distributed")
SHORT = ["--iterations", "30", "--octaves", "2", "--seed", "7"]


@pytest.fixture
def photos(folder):
    Path("photos").mkdir()
    for number in range(8):
        tiny_picture(Path("photos") / f"{number}.png", 120 + number, 80)
    return folder


def kill(process, folder):
    """Ends a worker without a word once it has dreamt a file, in the middle of the next."""
    deadline = time.monotonic() + 60
    while not any(Path(folder).glob("*.png")) and time.monotonic() < deadline:
        time.sleep(0.01)
    os.kill(process, signal.SIGKILL)


def test_a_worker_that_dies_loses_nothing_and_the_next_batch_has_its_own_net(photos, net, capsys):
    other = tiny_net(photos / "other", seed=1)
    with distributed.LocalCluster(2, threads_per_worker=1, dashboard_address=None) as cluster:
        with distributed.Client(cluster) as client:
            (_, doomed), (other_one, _) = client.run(os.getpid).items()
            # The other one is busy with that until then, so all the files are the doomed one's.
            done = client.submit(kill, doomed, str(photos / "out"), workers=[other_one])
            args = ["--model", net, "--scheduler", cluster.scheduler_address]
            assert main(["batch", "photos", "out", *SHORT, *args]) == 0
            assert done.status == "finished"
            assert doomed not in client.run(os.getpid).values()
        last = capsys.readouterr().err.splitlines()[-1]
        # Of a file that it had dreamt the result may have died with it: another worker then finds the dream.
        counted = re.fullmatch(r"dreamify: (\d) dreamt(?:, (\d) done before)?: .*out", last)
        assert counted, last
        assert sum(int(number or 0) for number in counted.groups()) == 8
        assert len(list(Path("out").iterdir())) == 8
        assert main(["batch", "photos/0.png", "new", *SHORT, *args[2:], "--model", "./other"]) == 0
    alone = ["--threads", "1"]
    for source, out, model in (("0.png", "out", net), ("7.png", "out", net), ("0.png", "new", other)):
        assert main([f"photos/{source}", "alone.png", *SHORT, *alone, "--model", model]) == 0
        assert Path("alone.png").read_bytes() == Path(out, source).read_bytes()
    assert picture.read_recipe("new/0.png")["model_sha256"] != picture.read_recipe("out/0.png")["model_sha256"]


def test_no_scheduler(photos, net, capsys, monkeypatch):
    monkeypatch.setattr("deepdream.executors._TIME_OUT", 1)
    assert main(["batch", "photos", "out", "--model", net, "--scheduler", "tcp://127.0.0.1:1"]) == 1
    *said, line = capsys.readouterr().err.splitlines()
    assert "no Dask scheduler answers at tcp://127.0.0.1:1" in line
    assert all(SAID.fullmatch(other) or "8 pictures" in other for other in said)


@pytest.mark.parametrize(
    ("args", "words", "code"),
    [
        (["--scheduler", "tcp://127.0.0.1:1", "--workers", "2"], "scheduler names a cluster that has its own", 2),
        (["--scheduler", "nowhere"], "no Dask scheduler answers at nowhere", 1),
    ],
)
def test_wrong_use(photos, net, capsys, monkeypatch, args, words, code):
    monkeypatch.setattr("deepdream.executors._TIME_OUT", 1)
    assert main(["batch", "photos", "out", "--model", net, *args]) == code
    assert words in capsys.readouterr().err


def test_without_dask(photos, net, capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)
    assert main(["batch", "photos", "out", "--model", net, "--scheduler", "tcp://127.0.0.1:1"]) == 1
    assert "a cluster needs Dask, which is not installed here: pip install distributed" in capsys.readouterr().err


class Client:
    """What is asked of a cluster's client before the work; answer: of its workers to what version they have."""

    def __init__(self, threads, answer=None):
        self.threads, self.answer = threads, answer

    def nthreads(self):
        return self.threads

    def submit(self, *_, **__):
        future = Future()
        if isinstance(self.answer, Exception):
            future.set_exception(self.answer)
        else:
            future.set_result(self.answer)
        return future


@pytest.mark.parametrize(
    ("client", "words"),
    [
        (Client({}), "the cluster at here has no workers: start one with `dask worker here --nthreads 1`"),
        (
            Client({"a": 1}, "0.0.1"),
            "the cluster at here has dreamify 0.0.1, and this is .*: install this version where",
        ),
        (
            Client({"a": 1}, RuntimeError("no such module\nand more")),
            r"the cluster at here cannot dream \(no such module\):",
        ),
    ],
)
def test_clusters_that_cannot_dream(client, words):
    with pytest.raises(DreamError, match=words):
        executors._check(client, "here")
