"""Where many dreams are dreamt: who does what, in what order, and what comes of it where somebody dies."""

import contextlib
import os
import re
import signal
import sys
import time
from concurrent.futures import Future
from concurrent.futures.process import BrokenProcessPool
from functools import partial
from pathlib import Path

import pytest

from deepdream.cli import main
from deepdream.errors import DreamError
from deepdream.images import picture
from deepdream.pipeline.request import Request
from deepdream.settings import NET, NetSettings, WorkerSettings
from deepdream.tasks import dask_cluster, executors
from deepdream.tasks.executors import Job, WorkerPool, as_completed
from tests.helpers import workers
from tests.helpers.shared import needs_processes
from tests.helpers.tiny import SAID, tiny_net, tiny_picture
from tests.helpers.workers import run_here

SHORT = ["--iterations", "30", "--octaves", "2", "--seed", "7"]


@pytest.fixture
def photos(folder):
    Path("photos").mkdir()
    for number in range(8):
        tiny_picture(Path("photos") / f"{number}.png", 120 + number, 80)
    return folder


def going_on():
    """No signal came."""


def crew(submit, capacity=2):
    return WorkerPool(NET, lambda: contextlib.nullcontext((submit, lambda: capacity)), "here", False)


def results(own, function, jobs, interrupted=going_on, **more):
    return [(name, executors.result(future)) for name, future in as_completed(own, function, jobs, interrupted, **more)]


@needs_processes
def test_processes_yield_as_they_end_or_in_order(tmp_path):
    """The first job ends when the others have begun, so it is not the first to end."""
    pool = executors.find_workers(NET, WorkerSettings(workers=2))
    assert pool.where == "2 at a time"
    for in_order in (False, True):
        place = tmp_path / str(in_order)
        place.mkdir()
        jobs = [Job("slow", ("slow", place, "abc")), *(Job(name, (name, place)) for name in "abc")]
        names = [name for name, _ in results(pool, workers.meet, jobs, in_order=in_order)]
        assert names == ["slow", *"abc"] if in_order else names[0] != "slow"
        assert sorted(names) == ["a", "b", "c", "slow"]


@needs_processes
@pytest.mark.parametrize("in_order", [False, True])
@pytest.mark.parametrize("count", [1, 2])
def test_a_job_whose_process_is_killed_is_repeated_once(tmp_path, count, in_order):
    pool = executors.find_workers(NET, WorkerSettings(workers=count))
    names = {"never": 0, "once": 1, "ever": 9, "no": 0, "again": 1}
    jobs = [Job(name, (name, tmp_path, times)) for name, times in names.items()]
    found = list(as_completed(pool, workers.die, jobs, going_on, in_order=in_order))
    assert sorted(name for name, _ in found) == sorted(names)
    assert not in_order or [name for name, _ in found] == list(names)
    for name, future in found:
        if name == "ever":
            with pytest.raises(DreamError, match="worker process was killed, maybe because memory ran out"):
                executors.result(future)
        else:
            assert executors.result(future) == name
    deaths = [path.name.split("-")[0] for path in tmp_path.iterdir()]
    assert sorted(deaths) == ["again", "ever", "ever", "once"]


def killed():
    future = Future()
    future.set_exception(BrokenProcessPool("A process in the process pool was terminated abruptly"))
    return future


def test_a_killed_job_is_not_repeated_after_a_signal():
    for in_order in (False, True):
        signals = []

        def submit(function, number, signals=signals):
            signals.extend([signal.SIGINT] * number)  # with the second job
            return killed() if number == 0 else run_here(function, number)

        pool = crew(submit, 2)
        found = list(
            as_completed(pool, str, [Job(0, (0,)), Job(1, (1,))], lambda signals=signals: signals[-1:], in_order)
        )
        assert [name for name, _ in found] == ([] if in_order else [1])


@needs_processes
def test_processes_that_end_before_they_begin(monkeypatch):
    monkeypatch.setattr(executors, "_begin", partial(os._exit, 1))
    with pytest.raises(DreamError, match="worker process was killed"):
        list(as_completed(executors.find_workers(NET, WorkerSettings(workers=2)), str, [Job(0, (0,))], going_on))


@needs_processes
def test_a_worker_that_is_killed_while_it_waits_stops_nobody(tmp_path):
    """It may hold the lock of its queue."""
    with executors.processes(2) as (submit, _):
        first = {submit(os.getpid).result() for _ in range(8)}
        os.kill(first.pop(), signal.SIGKILL)
        jobs = [Job(number, (str(number), tmp_path)) for number in range(6)]
        pool = WorkerPool(NET, lambda: contextlib.nullcontext((submit, lambda: 2)), "here", False)
        assert sorted(name for name, _ in results(pool, workers.meet, jobs)) == list(range(6))


def test_jobs_are_taken_when_there_is_somebody_for_them_and_none_after_a_signal():
    taken, signals = [], []

    def coming():
        for number in range(9):
            taken.append(number)
            yield Job(number, (number,))

    for in_order, most in ((False, 3), (True, 6)):
        taken.clear()
        going = as_completed(crew(run_here, 3), str, coming(), lambda: signals and signals[0], in_order)
        first = next(going)[0]
        assert taken == list(range(most))
        signals.append(signal.SIGINT)
        assert {first, *(name for name, _ in going)} == set(range(most))  # which were under way
        assert taken == list(range(most))
        signals.clear()


def test_whatever_a_job_fails_with_is_one_sentence():
    for error, words in (
        (DreamError("it is: so"), "it is: so"),
        (MemoryError(), "MemoryError"),
        (OSError("x\ny"), "OSError x"),
    ):
        future = Future()
        future.set_exception(error)
        with pytest.raises(DreamError) as caught:
            executors.result(future)
        assert str(caught.value) == words


def test_threads_and_memory_are_shared_out(monkeypatch):
    monkeypatch.setattr(executors, "_cores", lambda: 8)
    monkeypatch.setattr(executors.system, "free", lambda: 10 * 2**30)
    gigabyte, cpu = 2**30, NetSettings(device="cpu")

    def shares(net, workers=None, most=None):
        own = executors.find_workers(net, WorkerSettings(workers=workers), most)
        return own.where, own.net.threads, own.net.memory

    assert shares(cpu) == ("5 at a time", 1, 8 * gigabyte // 5)
    assert shares(cpu, most=3) == ("3 at a time", 2, 8 * gigabyte // 3)  # never more than there are jobs
    assert shares(NetSettings(memory=3 * gigabyte), workers=2) == ("2 at a time", 4, 3 * gigabyte // 2)
    assert shares(NetSettings(device="cpu", memory=4 * gigabyte))[0] == "2 at a time"
    assert shares(NetSettings(device="cuda"))[0] == "1 at a time"
    assert executors.if_asked(cpu, WorkerSettings()) is None


def test_what_is_named_means_the_same_elsewhere(folder, net):
    (folder / "model").mkdir()
    own = executors.find_workers(NetSettings(model="model"), WorkerSettings(scheduler="tcp://here:1"))
    assert own.net == NetSettings(model=str(folder / "model"), threads=1)
    request = executors.for_workers(
        Request("in.png", "out/in.png", guide="s3://bucket/guide.png", mask="mask.png"), own
    )
    assert (request.source, request.target) == (str(folder / "in.png"), str(folder / "out" / "in.png"))
    assert (request.guide, request.mask) == ("s3://bucket/guide.png", str(folder / "mask.png"))
    for source in ("-", "noise:64x48"):
        assert executors.for_workers(Request(source, "out.png"), own).source == source
    near = executors.find_workers(NET, WorkerSettings(workers=1))
    assert executors.for_workers(Request("in.png", "out.png", guide="g.png"), near).guide == "g.png"


def kill(process, folder):
    """Ends a worker without a word once it has dreamt a file, in the middle of the next."""
    deadline = time.monotonic() + 60
    while not any(Path(folder).glob("*.png")) and time.monotonic() < deadline:
        time.sleep(0.01)
    os.kill(process, signal.SIGKILL)


def test_a_worker_that_dies_loses_nothing_and_the_next_batch_has_its_own_net(photos, net, capsys):
    distributed = pytest.importorskip("distributed", reason="a cluster needs Dask: pip install distributed")
    other = tiny_net(photos / "other", seed=1)
    with distributed.LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster:
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


def test_a_gpus_work_goes_to_workers_that_have_one(capsys):
    distributed = pytest.importorskip("distributed", reason="a cluster needs Dask: pip install distributed")
    kinds = {"with": {"GPU": 1}, "without": {}}
    specs = {
        name: {"cls": distributed.Worker, "options": {"nthreads": 1, "resources": has}} for name, has in kinds.items()
    }
    scheduler = {"cls": distributed.Scheduler, "options": {"dashboard": False, "port": 0}}
    jobs = [Job(number, (number,)) for number in range(6)]
    for chosen, device, words in (
        (["with", "without"], "cuda", None),
        (
            ["without"],
            "cuda",
            "has no workers with the resource GPU: start one with `dask worker .* --resources GPU=1`",
        ),
        ([], "cpu", "has no workers: start one with `dask worker .* --nthreads 1`"),
    ):
        with distributed.SpecCluster({name: specs[name] for name in chosen}, scheduler) as cluster:
            own = executors.find_workers(
                NetSettings(device=device), WorkerSettings(scheduler=cluster.scheduler_address)
            )
            if words is None:
                assert {who for _, who in results(own, workers.whose, jobs)} == {"with"}
                continue
            with pytest.raises(DreamError, match=words):
                results(own, workers.whose, jobs)


def test_no_scheduler(photos, net, capsys, monkeypatch):
    pytest.importorskip("distributed", reason="a cluster needs Dask: pip install distributed")
    monkeypatch.setattr("deepdream.tasks.dask_cluster._TIME_OUT", 1)
    assert main(["batch", "photos", "out", "--model", net, "--scheduler", "tcp://127.0.0.1:1"]) == 1
    *said, line = capsys.readouterr().err.splitlines()
    assert "no Dask scheduler answers at tcp://127.0.0.1:1" in line
    assert all(SAID.fullmatch(other) or "8 pictures" in other for other in said)


@pytest.mark.parametrize(
    ("args", "words", "code"),
    [
        (["--scheduler", "tcp://127.0.0.1:1", "--workers", "2"], "workers and scheduler cannot be combined", 2),
        (["--scheduler", "nowhere"], "no Dask scheduler answers at nowhere", 1),
    ],
)
def test_wrong_use(photos, net, capsys, monkeypatch, args, words, code):
    pytest.importorskip("distributed", reason="a cluster needs Dask: pip install distributed")
    monkeypatch.setattr("deepdream.tasks.dask_cluster._TIME_OUT", 1)
    assert main(["batch", "photos", "out", "--model", net, *args]) == code
    assert words in capsys.readouterr().err


def test_without_dask(photos, net, capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)
    assert main(["batch", "photos", "out", "--model", net, "--scheduler", "tcp://127.0.0.1:1"]) == 1
    assert "Dask, which is not installed here: pip install distributed" in capsys.readouterr().err


class Client:
    """What is asked of a cluster's client before the work; answer: of its workers to what version they have."""

    def __init__(self, answer):
        self.answer = answer

    def run(self, _):
        if isinstance(self.answer, Exception):
            raise self.answer
        return {"a": self.answer}

    def run_on_scheduler(self, function, *_):
        return dask_cluster.__version__ if function is dask_cluster._version else 1


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ("0.0.1", "the cluster at here has dreamify 0.0.1, and this is .*: install this version where"),
        (RuntimeError("no such module\nand more"), r"the cluster at here cannot dream \(no such module\):"),
    ],
)
def test_clusters_that_cannot_dream(answer, words):
    with pytest.raises(DreamError, match=words):
        dask_cluster._check(Client(answer), "here", on_gpu=False)
