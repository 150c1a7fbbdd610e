"""The wheel: built, installed into an empty environment and run there."""

import os
import shutil
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

import pytest

from tests.helpers.tiny import tiny_net, tiny_picture

ROOT = Path(__file__).resolve().parents[1]
pytest.importorskip("setuptools", "77", reason="setuptools builds the wheel")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """Built from a copy, because setuptools writes into the folder that it builds from."""
    folder = tmp_path_factory.mktemp("wheel")
    source = folder / "source"
    source.mkdir()
    for name in ("deepdream", "models", "examples", "LICENSES"):
        ignored = shutil.ignore_patterns("__pycache__", "*.caffemodel")
        shutil.copytree(ROOT / name, source / name, ignore=ignored)
    for name in ("pyproject.toml", "setup.py", "README.md", "LICENSE", "NOTICE"):
        shutil.copy(ROOT / name, source)
    pip = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-index", "--no-deps", "--no-build-isolation"]
    subprocess.run([*pip, "--wheel-dir", str(folder), str(source)], check=True)
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def environment(wheel, tmp_path_factory):
    """A virtual environment that holds the wheel alone, and finds the requirements where the tests have them."""
    folder = tmp_path_factory.mktemp("environment")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder)], check=True)
    site = Path(sysconfig.get_path("purelib", vars={"base": str(folder)}))
    (site / "requirements.pth").write_text(sysconfig.get_path("purelib"))
    pip = [sys.executable, "-m", "pip", "--python", str(folder / "bin" / "python"), "install", "--quiet"]
    subprocess.run([*pip, "--no-index", "--no-deps", str(wheel)], check=True)
    return folder


def run(environment, folder, *args):
    """What the installed command prints, run in a folder that is not the project's."""
    variables = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "DREAMIFY_"))}
    command = [str(environment / "bin" / "dreamify"), *args]
    done = subprocess.run(command, cwd=folder, env=variables, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_every_file_of_the_package_is_in_it(wheel):
    packed = set(zipfile.ZipFile(wheel).namelist())
    listed = subprocess.run(["git", "ls-files", "deepdream", "models"], cwd=ROOT, capture_output=True, text=True)
    if not listed.stdout:
        pytest.skip("git lists no files here")
    files = {path if path.startswith("deepdream/") else f"deepdream/{path}" for path in listed.stdout.split()}
    assert files - packed == set()
    assert {f"deepdream/examples/{name}.jpg" for name in ("clouds", "face", "street")} <= packed


def test_its_licences_are_in_it(wheel):
    with zipfile.ZipFile(wheel) as packed:
        (metadata,) = (name for name in packed.namelist() if name.endswith(".dist-info/METADATA"))
        lines = packed.read(metadata).decode().splitlines()
        texts = {Path(name).name for name in packed.namelist() if ".dist-info/licenses/" in name}
    assert {"Name: deepdream-caffe", "License-Expression: Apache-2.0"} <= set(lines)
    assert texts == {"LICENSE", "NOTICE", "Apache-2.0.txt", "BSD-2-Clause.txt", "CC0-1.0.txt"}


def test_the_installed_command_dreams(environment, tmp_path):
    from deepdream import __version__

    net = tiny_net(tmp_path / "tiny")
    tiny_picture(tmp_path / "in.png", 32, 32)
    assert run(environment, tmp_path, "--version").split() == ["dreamify", __version__]
    assert "bvlc_googlenet" in run(environment, tmp_path, "models")
    run(environment, tmp_path, "in.png", "out.png", "conv1", "1", "1", "--seed", "7", "--model", str(net))
    assert "conv1" in run(environment, tmp_path, "info", "out.png")


def test_the_package_runs_as_a_command_too(environment, tmp_path):
    command = [str(environment / "bin" / "python"), "-m", "deepdream", "--version"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stdout.startswith("dreamify ")


def test_the_installed_package_is_the_one_that_runs(environment, tmp_path):
    code = (
        "import deepdream, deepdream.modelzoo.labels as labels; "
        "print(deepdream.__file__, len(labels.names('imagenet')))"
    )
    command = [str(environment / "bin" / "python"), "-I", "-c", code]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
    file, count = done.stdout.split()
    assert Path(file).is_relative_to(environment)
    assert count == "1000"
