"""Where nets compute: set_mode_cpu, set_mode_gpu and set_device."""

from __future__ import annotations

import sys

import torch


class _Mode:
    gpu = False
    number = 0
    has_told = False


def set_mode_cpu() -> None:
    """Makes nets compute on the CPU."""
    _Mode.gpu = False


def set_mode_gpu() -> None:
    """Makes nets compute on the GPU, where PyTorch has one. Otherwise says once that they compute on the CPU."""
    _Mode.gpu = True
    if _device() is None and not _Mode.has_told:
        _Mode.has_told = True
        print("caffe: PyTorch finds no GPU here, so nets compute on the CPU", file=sys.stderr)


def set_device(number: int) -> None:
    """Chooses the GPU with this number, from 0, for set_mode_gpu."""
    _Mode.number = int(number)


def device() -> torch.device:
    """Where a net computes now."""
    return (_device() if _Mode.gpu else None) or torch.device("cpu")


def _device() -> torch.device | None:
    if _Mode.number < torch.cuda.device_count():
        return torch.device("cuda", _Mode.number)
    return torch.device("mps") if torch.backends.mps.is_available() else None
