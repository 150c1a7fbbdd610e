"""patch_caffe.py FOLDER: what Caffe's source of 2020 needs to build and run with the libraries of today."""

import sys
from pathlib import Path

PATCHES = [
    (
        "Protobuf 3.6 took away the limit at which to warn",
        "src/caffe/util/io.cpp",
        "SetTotalBytesLimit(kProtoReadBytesLimit, 536870912)",
        "SetTotalBytesLimit(kProtoReadBytesLimit)",
    ),
    *(
        (
            "scikit-image loads and resizes pictures for pycaffe; a dream does that by itself",
            "python/caffe/io.py",
            f"\n{line}\n",
            f"\ntry:\n    {line}\nexcept ImportError:\n    pass\n",
        )
        for line in ("import skimage.io", "from skimage.transform import resize")
    ),
    *(
        (
            "Debian links its own NumPy's headers into Python's folder, which another NumPy must come before",
            name,
            "${PYTHON_INCLUDE_DIRS} ${NUMPY_INCLUDE_DIR}",
            "${NUMPY_INCLUDE_DIR} ${PYTHON_INCLUDE_DIRS}",
        )
        for name in ("cmake/Dependencies.cmake", "python/CMakeLists.txt")
    ),
    ("scikit-image 0.16 spells it like this", "python/caffe/io.py", "as_grey=", "as_gray="),
    ("NumPy 2.3 has only this", "python/caffe/io.py", "arr.tostring()", "arr.tobytes()"),
    ("NumPy 2.3 has only this", "python/caffe/io.py", "np.fromstring(datum.data", "np.frombuffer(datum.data"),
]


def main(folder: str) -> None:
    for why, name, old, new in PATCHES:
        path = Path(folder, name)
        text = path.read_text(encoding="utf-8")
        if old not in text and new not in text:
            sys.exit(f"patch_caffe.py: {path} is of another version ({why}): it has no {old!r}")
        path.write_text(text.replace(old, new), encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
