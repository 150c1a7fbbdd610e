"""What the image installs: everything that the package requires beside PyTorch."""

import re
from pathlib import Path

from tests.test_environment import NAME, PYTORCHS, packages_requirements

DOCKER = Path(__file__).resolve().parents[2] / "docker"
DEBIANS = {"pillow": "pil", "pyyaml": "yaml"}


def lines(name):
    text = (DOCKER / name).read_text(encoding="utf-8")
    return [line for line in text.splitlines() if line and not line.startswith("#")]


def test_all_requirements_are_installed():
    from_pip = {NAME.match(line)[0] for line in lines("requirements.txt")}
    from_debian = set(lines("run-packages.txt"))
    for name in set(packages_requirements()) - PYTORCHS - from_pip:
        assert f"python3-{DEBIANS.get(name, name)}" in from_debian


def test_what_pip_installs_is_pinned():
    assert all(re.fullmatch(r"[\w-]+==[\d.]+", line) for line in lines("requirements.txt"))
