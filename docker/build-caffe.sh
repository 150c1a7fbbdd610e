#!/bin/sh
# build-caffe.sh TARGET: builds the Python module of BVLC Caffe from its repository, and puts there
#
#   caffe/         the package, with everything of Caffe in its one _caffe.so (TARGET goes on PYTHONPATH), and its licence
#   scipy/         and what else requirements.txt names
#   packages.txt   the Debian packages that hold the libraries it is linked with
#   built.txt      what was built; where it says the same as what is wanted, nothing is done
#
# Environment: CAFFE_REPO and CAFFE_COMMIT, for another source (the commit's id is its checksum); CUDA=1 for GPUs.
set -eu
: "${CAFFE_REPO:=https://github.com/BVLC/caffe.git}"
: "${CAFFE_COMMIT:=9b891540183ddc834a02b2bd81b31afae71b2153}" # 2020-02-13, the last one
target=$1
tools=$(cd "$(dirname "$0")" && pwd)
wanted="$CAFFE_COMMIT CUDA=${CUDA:-}"

if [ "$(cat "$target/built.txt" 2>/dev/null)" = "$wanted" ]; then
  echo "Caffe $wanted is in $target"
  exit 0
fi

case "${CUDA:-}" in
  "") gpu="-DCPU_ONLY=ON" ;;
  # Pascal to Hopper; what comes later compiles the last one's PTX for itself.
  1) gpu="-DUSE_CUDNN=OFF -DCUDA_ARCH_NAME=Manual -DCUDA_ARCH_BIN=60;61;70;75;80;86;89;90 -DCUDA_ARCH_PTX=90" ;;
  *)
    echo "build-caffe.sh: CUDA must be 1 or left out, not $CUDA" >&2
    exit 2
    ;;
esac

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
git init -q "$work/caffe"
git -C "$work/caffe" fetch -q --depth 1 "$CAFFE_REPO" "$CAFFE_COMMIT"
git -C "$work/caffe" checkout -q FETCH_HEAD
python3 "$tools/patch_caffe.py" "$work/caffe"

# shellcheck disable=SC2086  # $gpu is several words
cmake -S "$work/caffe" -B "$work/build" -Wno-dev -DCMAKE_BUILD_TYPE=Release -DBUILD_SHARED_LIBS=OFF \
  -Dpython_version=3 -DCMAKE_CXX_FLAGS=-w -DBLAS=open -DBUILD_docs=OFF \
  -DUSE_OPENCV=OFF -DUSE_LEVELDB=OFF -DUSE_LMDB=OFF $gpu
cmake --build "$work/build" --target pycaffe --parallel "$(nproc)"

package=$work/caffe/python/caffe
library=$(readlink -f "$package/_caffe.so")
libraries=$(objdump -p "$library" | awk '$1 == "NEEDED" {print $2}')
case $libraries in
  *openblas*) ;;
  *)
    echo "build-caffe.sh: Caffe was linked without OpenBLAS and would be many times slower" >&2
    exit 1
    ;;
esac

rm -rf "$target"
mkdir -p "$target/caffe/proto"
cp "$package"/*.py "$work/caffe/LICENSE" "$target/caffe/"
cp "$package"/proto/*.py "$target/caffe/proto/"
PIP_ROOT_USER_ACTION=ignore python3 -m pip install -q --no-deps --only-binary :all: --target "$target" -r "$tools/requirements.txt"
strip --strip-unneeded -o "$target/caffe/_caffe.so" "$library"
for name in $libraries; do dpkg -S "*/$name" 2>/dev/null || true; done | cut -d: -f1 | sort -u >"$target/packages.txt"
echo "$wanted" >"$target/built.txt"
