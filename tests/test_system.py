"""Limits of memory, read from made-up /proc and /sys with figures worked out by hand, and one that is real."""

import os
import re
import shutil
import subprocess
import sys

import pytest

from deepdream import engines, system
from deepdream.errors import DreamError
from deepdream.images import picture
from deepdream.settings import NetSettings
from deepdream.system import LIBRARIES, PYTORCH
from deepdream.tasks import executors
from tests.helpers.tiny import ROOT, tiny_picture

MB = 2**20
PAGE = os.sysconf("SC_PAGE_SIZE") if hasattr(os, "sysconf") else 4096
UNLIMITED = 9223372036854771712  # as version 1 says it


@pytest.fixture
def put(tmp_path):
    """Puts files into a root folder: 300 MB of address space are in use, 100 MB of memory, 200 MB of data."""

    def write(files):
        for name, text in files.items():
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(f"{text}\n")
        return tmp_path

    statm = " ".join(str(size * MB // PAGE) for size in (300, 100, 50, 1, 0, 200, 0))
    write({"proc/self/statm": statm, "proc/self/limits": ulimits(), "proc/self/cgroup": "0::/"})
    return write


def ulimits(addresses="unlimited", data="unlimited"):
    return (
        "Limit                     Soft Limit           Hard Limit           Units\n"
        "Max cpu time              unlimited            unlimited            seconds\n"
        f"Max data size             {data:<20} unlimited            bytes\n"
        "Max stack size            8388608              unlimited            bytes\n"
        f"Max address space         {addresses:<20} 107374182400         bytes"
    )


def left(root):
    return [limit.left for limit in system.find(root)]


def version_2(folder, most, now, inactive, high="max"):
    """The files of a control group, in MB."""
    stat = f"anon 1\nfile 2\ninactive_file {inactive * MB}\nactive_file 7"
    files = {"memory.max": _bytes(most), "memory.high": _bytes(high), "memory.current": now * MB, "memory.stat": stat}
    return {f"sys/fs/cgroup{folder}/{name}": text for name, text in files.items()}


def version_1(folder, most, now, inactive):
    files = {
        "memory.limit_in_bytes": most * MB if most else UNLIMITED,
        "memory.usage_in_bytes": now * MB,
        "memory.stat": f"inactive_file 5\ntotal_inactive_file {inactive * MB}",
    }
    return {f"sys/fs/cgroup/memory{folder}/{name}": text for name, text in files.items()}


def _bytes(megabytes):
    return megabytes if megabytes == "max" else megabytes * MB


def test_where_there_is_no_limit(put, tmp_path_factory):
    assert system.find(put({})) == []
    assert system.find(tmp_path_factory.mktemp("another system")) == []
    assert system.find(put(version_2("", "max", 900, 300))) == []


def test_ulimit(put):
    """Of 1000 MB of addresses 300 are taken; of 500 MB of data 200."""
    found = system.find(put({"proc/self/limits": ulimits(1000 * MB, 500 * MB)}))
    assert [(limit.maximum, limit.left) for limit in found] == [(1000 * MB, 700 * MB), (500 * MB, 300 * MB)]
    assert left(put({"proc/self/limits": ulimits(data=100 * MB)})) == [0]


def test_the_cache_of_files_is_not_taken(put):
    """Of 1000 MB 900 are used, 250 of those by files that nobody has used for a while: 350 are left."""
    assert left(put(version_2("", 1000, 900, 250))) == [350 * MB]
    assert left(put({**version_2("", 1000, 900, 250), "sys/fs/cgroup/memory.stat": "not what it was"})) == [100 * MB]


def test_the_group_of_the_process_and_those_around_it(put):
    """A job's own group without a limit, in a step with 600 - (500 - 100), in a node's with 2000 - (1900 - 50)."""
    files = {"proc/self/cgroup": "0::/node/step/job"}
    files.update(version_2("/node/step/job", "max", 450, 0))
    files.update(version_2("/node/step", 600, 500, 100))
    files.update(version_2("/node", 2000, 1900, 50))
    files.update(version_2("/other", 1, 1, 0))
    assert left(put(files)) == [200 * MB, 150 * MB]


def test_what_slows_a_process_down_is_a_limit_too(put):
    assert left(put(version_2("", 1000, 500, 100, high=700))) == [600 * MB, 300 * MB]


def test_version_1(put):
    """Which has a hierarchy for each controller: 800 - (700 - 300) in the slice, none around it."""
    files = {"proc/self/cgroup": "9:name=systemd:/x\n5:cpu,cpuacct:/y\n4:memory:/slice/unit\n0::/z"}
    files.update(version_1("/slice/unit", 0, 600, 0))
    files.update(version_1("/slice", 800, 700, 300))
    files.update(version_1("", 0, 3000, 0))
    files.update(version_1("/y", 1, 1, 0))
    assert min(left(put(files))) == 400 * MB


@pytest.mark.parametrize("path", ["/docker/0123", "/../../elsewhere", "/a:b/../c", "/"])
def test_a_container_sees_its_own_group_as_the_outermost(put, path):
    for version, files in (("4:memory", version_1("", 300, 120, 20)), ("0:", version_2("", 300, 120, 20))):
        assert left(put({"proc/self/cgroup": f"{version}:{path}", **files})) == [200 * MB]
        for name in files:
            (put({}) / name).unlink()


def test_more_than_the_limit_is_used(put):
    """As it can be for a moment, or after the limit was lowered."""
    assert left(put(version_2("", 100, 130, 10))) == [0]


def test_the_smallest_counts(monkeypatch):
    psutil = pytest.importorskip("psutil")
    monkeypatch.setattr(system, "find", lambda: [])
    assert system.free() <= psutil.virtual_memory().total
    some = [system.Limit("memory", 9, size, "") for size in (5 * MB, 3 * MB, 2**62)]
    monkeypatch.setattr(system, "find", lambda: some)
    assert system.free() == 3 * MB
    some.append(system.Limit("data", 9, 0, ""))
    assert system.free() == 0


def test_nothing_free_is_not_no_limit(tmp_path, monkeypatch):
    source = tiny_picture(tmp_path / "in.png")
    for free, most, workers in ((0, 1, 1), (10 * 2**30, 2**30, 5), (None, None, 8)):
        monkeypatch.setattr(system, "free", lambda free=free: free)
        monkeypatch.setattr(executors, "_cores", lambda: 8)
        net = NetSettings(device="cpu")
        assert executors._suitable(net) == workers
        assert executors._shared_out(net, 8).memory == most
        if free == 0:
            with pytest.raises(DreamError, match="too large for the free memory"):
                picture.read(source)
        else:
            picture.read(source)


@pytest.mark.parametrize(
    ("files", "need", "words"),
    [
        (
            {"proc/self/limits": ulimits(399 * MB)},
            LIBRARIES,
            r"this program needs 400M of address space .*399M.*: raise the limit with ulimit -v",
        ),
        (
            {"proc/self/limits": ulimits(data=399 * MB)},
            PYTORCH,
            r"PyTorch needs 400M of data .*399M.*: raise the limit with ulimit -d",
        ),
        (
            version_2("", 250, 100, 40),  # 190 left, and 100 that the process has
            PYTORCH,
            r"PyTorch needs 300M of memory .*290M.*: "
            r"raise the limit of the container, the service or the job",
        ),
    ],
)
def test_too_little_for_the_program_itself(put, files, need, words):
    with pytest.raises(DreamError) as caught:
        system.check(need, put(files))
    assert re.fullmatch(words, str(caught.value))


def test_enough(put):
    for need in (LIBRARIES, PYTORCH):
        minimum = need.minimum
        group = version_2("", minimum["memory"] // MB - 40, 100, 40)
        system.check(need, put({"proc/self/limits": ulimits(minimum["address space"], minimum["data"]), **group}))


@pytest.mark.skipif(not shutil.which("prlimit"), reason="needs prlimit")
@pytest.mark.parametrize(("megabytes", "who"), [(80, "this program"), (800, "PyTorch")])
def test_a_whole_process(folder, net, megabytes, who):
    if who == "PyTorch":
        pytest.importorskip("torch")
    limit = ["prlimit", f"--as={megabytes * MB}", sys.executable, str(ROOT / "dreamify.py")]
    done = subprocess.run([*limit, "in.png", "out.png", "--model", net], stderr=subprocess.PIPE, text=True, timeout=60)
    assert done.returncode == 1
    *said, last = done.stderr.splitlines()
    assert last.startswith(f"dreamify: {who} needs ")
    assert re.search(rf"M of address space .*{megabytes}M.*: raise the limit with ulimit -v$", last)
    assert all(line.startswith("dreamify: tiny") for line in said)
    assert not (folder / "out.png").exists()


@pytest.mark.parametrize("error", [ImportError("libtorch_cpu.so: failed to map"), MemoryError(), OSError("no room")])
def test_pytorch_that_cannot_be_loaded(monkeypatch, error):
    pytest.importorskip("torch")
    name = "deepdream.engines.torch"

    class Fails:
        @staticmethod
        def find_spec(wanted, *_):
            if wanted == name:
                raise error

    monkeypatch.delattr(engines, "torch", raising=False)
    monkeypatch.delitem(sys.modules, name, raising=False)
    monkeypatch.setattr(sys, "meta_path", [Fails, *sys.meta_path])
    engines._torch.cache_clear()
    with pytest.raises(DreamError, match=r"PyTorch cannot be loaded \((libtorch|MemoryError|no room).*\): give the"):
        engines.choose_engine("torch")
