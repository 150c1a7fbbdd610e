"""Writing pictures: whole or not at all, with reproducible bytes, and without loss where the format allows it."""

import contextlib
import hashlib
import io
import os
import shutil
import stat
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import PIL
import pytest
from PIL import Image, ImageCms, JpegImagePlugin

from deepdream.errors import DreamError, UsageError
from deepdream.images.picture import check_target, read, write

Image.init()
EXTENSIONS = [".png", ".jpg", ".jpeg", ".webp", ".tif", ".tiff"] + [".avif"] * ("AVIF" in Image.SAVE)
RECIPE = {"model": "bvlc_googlenet", "seed": 7}
ROOT = Path(__file__).parent.parent.parent


def natural(height=48, width=64):
    """A smooth, colourful picture, which JPEG stores well."""
    y, x = np.mgrid[0:height, 0:width]
    return np.stack([128 + 100 * np.sin(x / 9), 128 + 100 * np.cos(y / 7), 2.0 * x + y], axis=-1).astype(np.uint8)


def entries(folder):
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.parametrize("extension", [*EXTENSIONS, ".PNG", ".JpG"])
def test_targets_that_can_be_written(tmp_path, extension):
    check_target(str(tmp_path / f"out{extension}"))
    assert entries(tmp_path) == []


def test_stdout_and_an_old_file_are_fine(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    check_target("-")
    (tmp_path / "old.png").write_bytes(b"old")
    check_target("old.png")
    assert (tmp_path / "old.png").read_bytes() == b"old"


@pytest.mark.parametrize("name", ["out", "out.xyz", "out.gif", ".png", "out.png.bak"])
@pytest.mark.parametrize("act", [check_target, lambda target: write(target, natural(), RECIPE)])
def test_an_extension_that_cannot_be_written(tmp_path, name, act):
    with pytest.raises(UsageError) as caught:
        act(str(tmp_path / name))
    assert all(extension in str(caught.value) for extension in EXTENSIONS)
    assert entries(tmp_path) == []


def test_targets_that_are_or_lack_folders(tmp_path):
    (tmp_path / "folder.png").mkdir()
    with pytest.raises(UsageError, match="is a folder: name a file in it"):
        check_target(str(tmp_path / "folder.png"))
    with pytest.raises(DreamError, match="missing does not exist: create it"):
        check_target(str(tmp_path / "missing" / "out.png"))


@contextlib.contextmanager
def someone_else():
    """Runs as another user if the tests run as root, whom permissions do not restrict."""
    if not hasattr(os, "geteuid"):
        pytest.skip("permissions work differently here")
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


def test_a_read_only_folder_is_found_before_the_dream():
    folder = Path(tempfile.mkdtemp())  # pytest's own folders are closed to other users
    target = str(folder / "out.png")
    try:
        folder.chmod(0o555)
        with someone_else():
            # The message helps users who started a container as another user.
            whose = ": .* user 0, .* user 65534" if os.getuid() == 0 else ""
            with pytest.raises(DreamError, match=rf"out\.png cannot be written \(Permission denied{whose}\)"):
                check_target(target)
            with pytest.raises(DreamError, match=rf"out\.png cannot be written \(Permission denied{whose}\)"):
                write(target, natural(), RECIPE)
        folder.chmod(0o777)
        with someone_else():
            check_target(target)
    finally:
        folder.chmod(0o777)
        shutil.rmtree(folder)


@pytest.mark.parametrize("extension", EXTENSIONS)
def test_pixels_and_alpha_come_back(tmp_path, extension):
    target = str(tmp_path / f"out{extension}")
    lossy = extension in (".jpg", ".jpeg", ".avif")
    write(target, natural(), RECIPE)
    picture = read(target)
    assert np.abs(picture.pixels - np.float32(natural())).mean() <= (1.5 if lossy else 0)
    assert picture.alpha is None
    assert entries(tmp_path) == [f"out{extension}"]

    alpha = (natural()[..., 0] // 2 + 50).astype(np.uint8)
    write(target, natural(), RECIPE, alpha)
    picture = read(target)
    if extension in (".jpg", ".jpeg"):
        assert picture.alpha is None
    else:
        assert np.abs(picture.pixels - np.float32(natural())).mean() <= (1.5 if lossy else 0)
        assert np.abs(picture.alpha.astype(int) - alpha).max() <= (6 if lossy else 0)


@pytest.mark.parametrize("extension", [".png", ".webp", ".tif"])
def test_colours_under_full_transparency_come_back(tmp_path, extension):
    if extension == ".webp" and int(PIL.__version__.split(".")[0]) < 9:
        pytest.skip("this Pillow's WebP drops them")
    write(str(tmp_path / f"out{extension}"), natural(), RECIPE, np.zeros((48, 64), np.uint8))
    assert (read(str(tmp_path / f"out{extension}")).pixels == natural()).all()


@pytest.mark.parametrize("extension", [".jpg", ".avif"])
def test_lossy_formats_keep_the_colours_resolution(tmp_path, extension):
    if extension not in EXTENSIONS:
        pytest.skip("this Pillow cannot write it")
    stripes = np.zeros((32, 32, 3), np.uint8)
    stripes[:, ::2], stripes[:, 1::2] = (
        (200, 0, 0),
        (0, 100, 0),
    )  # halved colour resolution would give errors of 40 and more
    write(str(tmp_path / f"out{extension}"), stripes, RECIPE)
    assert np.abs(read(str(tmp_path / f"out{extension}")).pixels - np.float32(stripes)).mean() <= 6


def test_jpeg_tables_are_those_of_quality_95(tmp_path):
    write(str(tmp_path / "out.jpg"), natural(), RECIPE)
    image = Image.open(tmp_path / "out.jpg")
    assert JpegImagePlugin.get_sampling(image) == 0  # 4:4:4
    assert image.quantization[0][0] == 2  # 16 at quality 50, (16 * 10 + 50) // 100 at 95


def test_a_jpeg_is_flattened_on_white(tmp_path):
    rgb = np.full((8, 24, 3), (200, 0, 100), np.uint8)
    alpha = np.repeat(np.uint8([[0, 128, 255]]), 8, axis=1).repeat(8, axis=0)
    write(str(tmp_path / "out.jpg"), rgb, RECIPE, alpha)
    pixels = read(str(tmp_path / "out.jpg")).pixels[4, [4, 12, 20]]
    assert np.abs(pixels - [(255, 255, 255), (227, 127, 177), (200, 0, 100)]).max() <= 5


@pytest.mark.parametrize("extension", EXTENSIONS)
def test_the_file_says_srgb(tmp_path, extension):
    write(str(tmp_path / f"out{extension}"), natural(), RECIPE)
    info = Image.open(tmp_path / f"out{extension}").info
    if extension == ".png":
        assert info["srgb"] == 0
    else:
        profile = ImageCms.ImageCmsProfile(io.BytesIO(info["icc_profile"]))
        assert "sRGB" in ImageCms.getProfileDescription(profile)


def test_the_same_input_gives_the_same_bytes_at_another_time_and_place(tmp_path, monkeypatch):
    def files():
        for extension in EXTENSIONS:
            write(str(tmp_path / f"out{extension}"), natural(), RECIPE, np.full((48, 64), 99, np.uint8))
        return {name: (tmp_path / name).read_bytes() for name in entries(tmp_path)}

    first = files()
    time.sleep(1.1)  # profiles and TIFF store times in seconds
    monkeypatch.setenv("TZ", "Pacific/Auckland")
    getattr(time, "tzset", lambda: None)()
    try:
        assert files() == first
    finally:
        monkeypatch.undo()
        getattr(time, "tzset", lambda: None)()
    assert len(first) == len(EXTENSIONS)


@pytest.mark.skipif(".avif" not in EXTENSIONS, reason="this Pillow cannot write it")
def test_the_bytes_do_not_depend_on_the_number_of_processors(tmp_path, monkeypatch):
    files = []
    for processors in ({0}, {0, 1, 2, 3}):
        monkeypatch.setattr(os, "sched_getaffinity", lambda _, now=processors: now, raising=False)
        write(str(tmp_path / "out.avif"), natural(600, 600), RECIPE)
        files.append((tmp_path / "out.avif").read_bytes())
    assert files[0] == files[1]


@pytest.mark.skipif(os.name != "posix", reason="needs a umask")
def test_permissions_are_those_of_any_new_file(tmp_path):
    old = os.umask(0o027)
    try:
        write(str(tmp_path / "out.png"), natural(), RECIPE)
    finally:
        os.umask(old)
    assert stat.S_IMODE((tmp_path / "out.png").stat().st_mode) == 0o640


@pytest.mark.skipif(os.name != "posix", reason="needs links")
def test_a_link_stays_a_link(tmp_path):
    (tmp_path / "folder").mkdir()
    (tmp_path / "link.png").symlink_to(tmp_path / "folder" / "real.png")
    with pytest.raises(DreamError, match=r"link\.png is a link to .*real\.png, .*: remove the link"):
        check_target(str(tmp_path / "link.png"))
    (tmp_path / "folder" / "real.png").touch()
    check_target(str(tmp_path / "link.png"))
    write(str(tmp_path / "link.png"), natural(), RECIPE)
    assert (tmp_path / "link.png").is_symlink()
    assert (read(str(tmp_path / "folder" / "real.png")).pixels == natural()).all()


@pytest.mark.parametrize("failure", ["no space", "interrupted"])
def test_a_save_that_fails_leaves_the_old_file_and_nothing_else(tmp_path, monkeypatch, failure):
    def interrupt(*_):
        raise KeyboardInterrupt

    resource = pytest.importorskip("resource")
    target = tmp_path / "out.png"
    target.write_bytes(b"old")
    if failure == "no space":
        soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (100, hard))
        try:
            with pytest.raises(DreamError, match=r"out\.png cannot be written \(File too large\)"):
                write(str(target), natural(), RECIPE)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    else:
        monkeypatch.setattr(Path, "replace", interrupt)
        with pytest.raises(KeyboardInterrupt):
            write(str(target), natural(), RECIPE)
    assert target.read_bytes() == b"old"
    assert entries(tmp_path) == ["out.png"]


def test_a_picture_too_large_for_its_format(tmp_path):
    with pytest.raises(DreamError, match="65536 x 1 pixels cannot be stored as JPEG"):
        write(str(tmp_path / "out.jpg"), np.zeros((1, 65536, 3), np.uint8), RECIPE)
    assert entries(tmp_path) == []


def run_python(code, **options):
    environ = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
    process = [sys.executable, "-c", code]
    return subprocess.run(process, cwd=str(ROOT), stderr=subprocess.PIPE, env=environ, **options)


def test_stdin_and_stdout(tmp_path):
    write(str(tmp_path / "in.png"), natural(), RECIPE)
    code = (
        "from deepdream.images.picture import *; p = read('-'); "
        "write('-', 255 - to_uint8(p.pixels), {'sha256': p.sha256})"
    )
    done = run_python(code, input=(tmp_path / "in.png").read_bytes(), stdout=subprocess.PIPE)
    assert done.stderr == b""
    image = Image.open(io.BytesIO(done.stdout))
    assert image.format == "PNG"
    assert (np.asarray(image) == 255 - natural()).all()
    assert hashlib.sha256((tmp_path / "in.png").read_bytes()).hexdigest() in image.info["dreamify"]


def test_empty_stdin_is_named():
    done = run_python("from deepdream.images.picture import read; read('-')", input=b"", stdout=subprocess.PIPE)
    assert b"DreamError: standard input is empty" in done.stderr


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_full_stdout_gets_a_sentence_and_no_complaint_at_exit():
    code = """
import numpy, sys
from deepdream.images.picture import DreamError, write
try:
    write("-", numpy.zeros((9, 9, 3), numpy.uint8), {})
except DreamError as error:
    sys.exit(str(error))
"""
    with Path("/dev/full").open("wb") as full:
        done = run_python(code, stdout=full)
    assert done.returncode == 1
    assert done.stderr.decode().startswith("standard output cannot be written (No space left on device)")
    assert done.stderr.count(b"\n") == 1
