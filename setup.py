"""The packages to install: those of deepdream/, and models/ and examples/ as packages inside it. See pyproject.toml."""

from setuptools import find_packages, setup

setup(
    packages=[*find_packages(include=["deepdream", "deepdream.*"]), "deepdream.models", "deepdream.examples"],
    package_dir={"deepdream.models": "models", "deepdream.examples": "examples"},
)
