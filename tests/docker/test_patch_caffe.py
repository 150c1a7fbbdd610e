import importlib.util
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
spec = importlib.util.spec_from_file_location("patch_caffe", ROOT / "docker" / "patch_caffe.py")
patch_caffe = importlib.util.module_from_spec(spec)
spec.loader.exec_module(patch_caffe)


def source(folder, which):
    """Caffe's files as far as patches touch them, before (2) or after (3)."""
    for patch in patch_caffe.PATCHES:
        path = folder / patch[1]
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("a") as file:
            file.write(f"a line\n{patch[which]}\n")
    return {path: path.read_text() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("which", [2, 3])
def test_what_is_old_becomes_new_and_what_is_new_stays(tmp_path, which):
    source(tmp_path / "given", which)
    wanted = source(tmp_path / "wanted", 3)
    patch_caffe.main(str(tmp_path / "given"))
    for path, text in wanted.items():
        assert (tmp_path / "given" / path.relative_to(tmp_path / "wanted")).read_text() == text


def test_another_version_is_refused(tmp_path):
    source(tmp_path, 2)
    (tmp_path / "python/caffe/io.py").write_text("nothing of the kind\n")
    with pytest.raises(SystemExit, match=r"io.py is of another version"):
        patch_caffe.main(str(tmp_path))


def test_the_patched_pycaffe_is_python(tmp_path):
    source(tmp_path, 3)
    head = (tmp_path / "python/caffe/io.py").read_text().split("a line\n")[1]
    compile(head, "io.py", "exec")
