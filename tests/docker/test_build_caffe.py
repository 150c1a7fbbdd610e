import os
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def build(target, **variables):
    command = ["sh", str(ROOT / "docker" / "build-caffe.sh"), str(target)]
    environ = {**os.environ, "CAFFE_COMMIT": "abc", **variables}
    return subprocess.run(command, env=environ, check=False, capture_output=True, text=True)


def test_what_is_built_already_is_not_built_again(tmp_path):
    (tmp_path / "built.txt").write_text("abc CUDA=1\n")
    done = build(tmp_path, CUDA="1")
    assert (done.returncode, done.stdout) == (0, f"Caffe abc CUDA=1 is in {tmp_path}\n")
    assert [path.name for path in tmp_path.iterdir()] == ["built.txt"]


def test_cuda_is_one_or_nothing(tmp_path):
    done = build(tmp_path / "caffe", CUDA="yes")
    assert done.returncode == 2
    assert done.stderr == "build-caffe.sh: CUDA must be 1 or left out, not yes\n"


def test_a_source_that_cannot_be_had_leaves_nothing(tmp_path):
    done = build(tmp_path / "caffe", CAFFE_REPO=str(tmp_path / "absent"))
    assert done.returncode != 0
    assert list(tmp_path.iterdir()) == []
