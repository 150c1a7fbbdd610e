"""The Vagrantfile: valid, and its provisioner run twice in a throw-away root, as `vagrant up` would."""

import os
import re
import shutil
import subprocess

import pytest

from tests.containers.workshop import BASE, ROOT, call
from tests.helpers.shared import SHARED


def test_the_vagrantfile_is_valid(tmp_path):
    if not shutil.which("vagrant"):
        pytest.skip("needs vagrant")
    (tmp_path / "VBoxManage").write_text("#!/bin/sh\necho 7.0.0r1\n")  # all that a validation asks VirtualBox
    (tmp_path / "VBoxManage").chmod(0o755)
    environ = {"PATH": f"{tmp_path}:{os.environ['PATH']}", "VAGRANT_HOME": str(tmp_path / "home")}
    environ["VAGRANT_CHECKPOINT_DISABLE"] = "1"
    for text, valid in (("", True), ("config.vm.tea = true\n", False)):
        (tmp_path / "Vagrantfile").write_text(
            (ROOT / "Vagrantfile").read_text().replace("\n\n  config.vm.provider", f"\n{text}\n  config.vm.provider", 1)
        )
        done = subprocess.run(["vagrant", "validate"], cwd=tmp_path, env={**os.environ, **environ}, check=False)
        assert (done.returncode == 0) == valid


@pytest.fixture
def project(tmp_path):
    """A copy of the project that belongs to the machine's user, with a picture."""
    folder = tmp_path / "vagrant"
    for name in call("git", "-C", ROOT, "ls-files", "-co", "--exclude-standard").splitlines():
        if (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, folder / name)
    shutil.copy(SHARED / "images" / "sky1024px.jpg", folder / "in.jpg")
    call("chown", "-R", "1000:1000", folder)
    return folder


def test_the_provisioner_twice(workshop, base, caffe_source, models, project):
    as_root, as_user = re.findall(r'inline: "(.*)"', (ROOT / "Vagrantfile").read_text())
    assert "self_check" in as_user
    container = workshop.buildah("from", BASE).strip()
    variables = {**caffe_source, "DREAMIFY_MIRROR": models}
    given = [word for name, value in variables.items() for word in ("--env", f"{name}={value}")]
    mounts = [*workshop.mounts, "-v", f"{project}:/vagrant"]

    def inside(*command):
        return workshop.buildah(
            "run", "--isolation", "chroot", "--network", "host", *mounts, *given, container, "--", *command
        )

    inside("useradd", "--create-home", "--shell", "/bin/bash", "--uid", "1000", "vagrant")
    keep = "CAFFE_REPO,CAFFE_COMMIT,DREAMIFY_MIRROR"
    first = inside("sh", "-c", as_root)
    assert "Built target pycaffe" in first
    second = inside("sh", "-c", as_root)
    assert f"Caffe {caffe_source['CAFFE_COMMIT']} CUDA= is in /opt/caffe" in second
    assert "Building CXX" not in second
    for _ in range(2):
        assert "self-check passed" in inside("su", "-l", "-w", keep, "vagrant", "-c", as_user)
    dream = "cd /vagrant && python3 dreamify.py in.jpg out.png inception_3b/output 2 2 --max-size 160"
    assert "computing with caffe" in inside("su", "-l", "vagrant", "-c", dream)
    assert (project / "out.png").stat().st_uid == 1000
    workshop.buildah("rm", container)
