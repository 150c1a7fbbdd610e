"""The Dockerfile's image: built for real, and used as docs/caffe.md says."""

import io
import os
import shutil
import subprocess

import numpy as np
import pytest
from PIL import Image

from deepdream.images import picture
from deepdream.video.reader import read_recipe
from tests.containers.workshop import serve
from tests.helpers.shared import SHARED
from tests.helpers.tiny import interrupt
from tests.video import clips as films

QUICK = ["inception_3b/output", "2", "2", "--max-size", "160", "--seed", "0"]
QUICK_OPTIONS = ["--layer", "inception_3b/output", "--iterations", "2", "--octaves", "2", "--seed", "0"]


@pytest.fixture
def data(tmp_path):
    """A folder that belongs to the image's own user, with a picture in it."""
    folder = tmp_path / "data"
    folder.mkdir()
    shutil.copy(SHARED / "images" / "sky1024px.jpg", folder / "in.jpg")
    os.chown(folder, 1000, 1000)
    return folder


@pytest.fixture
def dreamify(workshop, image):
    """Runs the image on some arguments; options are docker run's."""

    def run(*args, options=(), **more):
        settings = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **more}
        if "input" in more:
            del settings["stdin"]
        return subprocess.run(workshop.podman(image, *args, options=options), check=False, **settings)

    return run


def mounted(folder, *options):
    return ("-v", f"{folder}:/data", *options)


def test_a_dream_in_a_container_that_can_write_nothing_but_its_folder(dreamify, data):
    done = dreamify("in.jpg", "out.png", *QUICK, options=mounted(data))
    assert done.returncode == 0, done.stderr
    out = data / "out.png"
    assert (out.stat().st_uid, out.stat().st_gid) == (1000, 1000)
    recipe = picture.read_recipe(str(out))
    assert (recipe["engine"], recipe["device"], recipe["model"]) == ("caffe", "cpu", "bvlc_googlenet")
    before, after = (np.float32(Image.open(path).resize((160, 90))) for path in (data / "in.jpg", out))
    assert 2 < abs(after - before).mean() < 40
    assert sorted(path.name for path in data.iterdir()) == ["in.jpg", "out.png"]


def test_a_film_and_its_sound(dreamify, data):
    films.clip(
        data / "in.mp4", [films.texture(number, 90, 160) for number in range(3)], sound=("aac", films.beep(0.12))
    )
    done = dreamify("video", "in.mp4", "out.mp4", *QUICK_OPTIONS, options=mounted(data))
    assert done.returncode == 0, done.stderr
    with films.av.open(str(data / "out.mp4")) as container:
        assert len(list(container.decode(video=0))) == 3
    assert films.sound_packets(data / "out.mp4") == films.sound_packets(data / "in.mp4")
    recipe = read_recipe(str(data / "out.mp4"))
    assert (recipe["engine"], recipe["video_flow"]) == ("caffe", "dis")
    assert sorted(path.name for path in data.iterdir()) == ["in.jpg", "in.mp4", "out.mp4"]


def test_any_user_writes_as_himself(dreamify, data):
    os.chown(data, 4321, 8765)
    done = dreamify("in.jpg", "out.png", *QUICK, options=mounted(data, "--user", "4321:8765"))
    assert done.returncode == 0, done.stderr
    assert ((data / "out.png").stat().st_uid, (data / "out.png").stat().st_gid) == (4321, 8765)


def test_from_standard_input_to_standard_output_the_same_bytes_come(dreamify, data):
    assert dreamify("in.jpg", "out.png", *QUICK, options=mounted(data)).returncode == 0
    done = dreamify("-", "-", *QUICK, options=["-i"], input=(data / "in.jpg").read_bytes())
    assert done.returncode == 0, done.stderr
    assert Image.open(io.BytesIO(done.stdout)).size == (160, 90)
    assert done.stdout == (data / "out.png").read_bytes()


def test_ctrl_c_leaves_the_picture_so_far(workshop, image, data):
    long = ["inception_3b/output", "5000", "1", "--max-size", "160", "--frames", "frames"]
    process = subprocess.Popen(
        workshop.podman(image, "in.jpg", "out.png", *long, options=mounted(data)), stderr=subprocess.PIPE, text=True
    )
    interrupt(process, lambda: any(data.glob("frames/*.png")))
    _, rest = process.communicate(timeout=60)
    assert process.returncode == 130, rest
    assert "the dream so far is in out.png" in rest
    assert Image.open(data / "out.png").size == (160, 90)


@pytest.mark.parametrize(
    ("args", "options", "sentence"),
    [
        (["absent.jpg", "out.png"], ["mounted"], "dreamify: there is no file absent.jpg: check the path\n"),
        (["in.jpg", "out.png"], [], "dreamify: out.png cannot be written (Read-only file system): "),
        (
            ["in.jpg", "out.png"],
            ["mounted", "--user", "77"],
            "dreamify: out.png cannot be written (Permission denied: the folder belongs to user 1000, ",
        ),
        (["in.jpg", "out.png", "tea"], ["mounted"], "dreamify: there is no layer 'tea' in this net: "),
    ],
    ids=["missing file", "unmounted folder", "folder of another", "unknown layer"],
)
def test_bad_input_gets_the_sentence_that_it_gets_outside(dreamify, data, args, options, sentence):
    options = [word for option in options for word in (mounted(data) if option == "mounted" else [option])]
    done = dreamify(*args, options=options)
    assert done.returncode in (1, 2)
    assert done.stderr.decode().startswith(sentence)
    assert done.stderr.count(b"\n") == 1
    assert [path.name for path in data.iterdir()] == ["in.jpg"]


def test_there_is_no_compiler_and_no_root(workshop, image):
    script = "id -u; for tool in cc gcc g++ c++ ld make cmake git; do command -v $tool; done; true"
    command = workshop.podman(image, "-c", script, options=["--entrypoint", "sh"])
    assert subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout == b"1000\n"


def test_the_self_check_tells_a_wrong_number(workshop, image):
    python = "import sys; sys.path.insert(0, '/opt/dreamify/docker'); import self_check; "
    for change, code in (("", 0), ("self_check.END = 'inception_4b/output'; ", 1)):
        command = workshop.podman(
            image, "-c", f"{python}{change}self_check.main()", options=["--entrypoint", "python3"]
        )
        done = subprocess.run(command, check=False, capture_output=True)
        assert done.returncode == code, done.stderr
    assert b"self-check failed: the mean of the data of inception_4b/output is" in done.stderr


def test_no_image_is_built_with_weights_that_are_not_genuine(workshop, image, caffe_source, tmp_path):
    folder = tmp_path / "bvlc_googlenet"
    folder.mkdir()
    for path in (SHARED / "models" / "bvlc_googlenet").iterdir():
        (folder / path.name).write_bytes(path.read_bytes().replace(b"conv1", b"conv2"))
    server, address = serve(tmp_path)
    try:
        with pytest.raises(AssertionError, match="incomplete, or not the published file"):
            workshop.build("dreamify:forged", {**caffe_source, "MODEL_MIRROR": address})
    finally:
        server.shutdown()


def test_the_licences_are_in_it(dreamify):
    texts = ("/opt/caffe/caffe/LICENSE", "/opt/dreamify/LICENSE", "/opt/dreamify/NOTICE")
    done = dreamify(*texts, options=("--entrypoint", "cat"))
    assert done.returncode == 0, done.stderr
    for part in (b"Regents of the University of California", b"Apache License", b"the dreamify contributors"):
        assert part in done.stdout
