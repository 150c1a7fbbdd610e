"""Noise instead of a picture."""

import numpy as np
import pytest
from PIL import Image

from deepdream.cli import main
from deepdream.errors import UsageError
from deepdream.images import noise, picture

SHORT = ["--iterations", "2", "--octaves", "2", "--seed", "7"]


def test_it_is_grey_noise_of_that_size():
    pixels = picture.read("noise:300x200", seed=1).pixels
    assert pixels.shape == (200, 300, 3)
    assert pixels.dtype == np.uint8
    channels = pixels.reshape(-1, 3).astype(float)
    # The standard error of the mean of 60,000 numbers is 0.07, and truncation lowers the mean by 0.5.
    np.testing.assert_allclose(channels.mean(0), 127.5, atol=0.3)
    np.testing.assert_allclose(channels.std(0), 16, atol=0.3)
    assert abs(np.corrcoef(channels.T) - np.eye(3)).max() < 0.02


def test_the_seed_makes_it():
    one, same, other = (picture.read("noise:30x20", seed=seed) for seed in (1, 1, 2))
    assert one.pixels.tobytes() == same.pixels.tobytes()
    assert one.sha256 == same.sha256 != other.sha256


def test_a_longest_side_makes_it_smaller():
    assert picture.read("noise:300x200", 150).pixels.shape == (100, 150, 3)


@pytest.mark.parametrize("size", ["", "640", "640x", "x480", "0x5", "-3x5", "3x5x7", "1.5x3", "٣x٤", "999999x999999"])
def test_what_is_no_size_is_refused(size):
    with pytest.raises(UsageError, match="write noise:WIDTHxHEIGHT"):
        picture.read("noise:" + size)


def test_a_file_of_that_name_can_still_be_read(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Image.new("RGB", (5, 4)).save("./noise:30x20", "PNG")
    assert noise.size_of("./noise:30x20") is None
    assert picture.read("./noise:30x20").pixels.shape == (4, 5, 3)


@pytest.mark.usefixtures("one_thread")
def test_a_dream_from_nothing_is_repeated(tmp_path, monkeypatch, net):
    pytest.importorskip("torch")
    monkeypatch.chdir(tmp_path)
    assert main(["noise:40x28", "one.png", *SHORT, "--model", net]) == 0
    assert Image.open("one.png").size == (40, 28)
    assert picture.read_recipe("one.png")["input"] == "noise:40x28"
    assert main(["again", "one.png", "noise:40x28", "two.png", "--model", net]) == 0
    assert (tmp_path / "one.png").read_bytes() == (tmp_path / "two.png").read_bytes()


@pytest.mark.usefixtures("one_thread")
def test_other_noise_is_another_picture(tmp_path, monkeypatch, capsys, net):
    pytest.importorskip("torch")
    monkeypatch.chdir(tmp_path)
    assert main(["noise:40x28", "one.png", *SHORT, "--model", net]) == 0
    capsys.readouterr()
    assert main(["again", "one.png", "noise:28x40", "two.png", "--model", net]) == 1
    assert "the picture is not the one used for that dream" in capsys.readouterr().err
    assert not (tmp_path / "two.png").exists()
