"""A net's numbers in other files than a .caffemodel, for tests."""

import hashlib
import io
import tarfile

import numpy as np

from deepdream.caffe_format.topology import read_topology
from deepdream.caffe_format.weights import read_weights
from deepdream.modelzoo import numbers
from tests.helpers.nets import net_bytes
from tests.helpers.tiny import TEXT


class Origin:
    """A net, and its numbers in every kind of file."""

    def __init__(self, folder, seed=0):
        folder.mkdir()
        self.net, self.canonical = net_bytes(folder, TEXT, seed)
        self.prototxt, path = folder / "deploy.prototxt", folder / "net.caffemodel"
        path.write_bytes(self.canonical)
        self.topology = read_topology(self.prototxt)
        self.weights = read_weights(path, self.topology)
        self.sum = hashlib.sha256(self.canonical).hexdigest()
        self.numbers = numbers.digest(self.topology, self.weights)

    def source(self, kind):
        """The source of a kind, and {path on a mirror: content} behind its only address."""
        if kind == "caffemodel":
            return {"kind": kind}, "/net.caffemodel", {"/net.caffemodel": self.resaved()}
        if kind == "archive":
            packed = tar_file({"places/labels.txt": b"kitchen", "places/net.caffemodel": self.resaved()})
            sha1 = hashlib.sha1(packed).hexdigest()
            return (
                {"kind": kind, "member": "places/net.caffemodel", "sha1": sha1},
                "/net.tar.gz",
                {"/net.tar.gz": packed},
            )
        if kind == "pieces in an archive":
            pieces = piece_bytes(self.weights)
            # Another net's pieces are in there as well, of the same names.
            content = {f"repo-abc/models/other/{name}": b"\0" * len(data) for name, data in pieces.items()}
            content.update({f"repo-abc/models/net/{name}": data for name, data in pieces.items()})
            content.update({f"repo-abc/z/{name}": b"\1" * len(data) for name, data in pieces.items()})
            return {"kind": "pieces", "member": "models/net"}, "/tar.gz/abc", {"/tar.gz/abc": tar_file(content)}
        if kind == "pieces":
            routes = {f"/repo@abc/{name}": data for name, data in piece_bytes(self.weights).items()}
            return {"kind": kind, "member": "models/net"}, "/repo@abc/", routes
        if kind == "onnx":
            content = onnx_file({f"{layer}_{'wb'[i]}_0": a for layer, i, a in self.arrays()})
            return {"kind": kind, "sha256": hashlib.sha256(content).hexdigest()}, "/net.onnx", {"/net.onnx": content}
        content = pth_file({f"{layer.replace('/', '.')}.{('weight', 'bias')[i]}": a for layer, i, a in self.arrays()})
        table = {"*/*": "*.*.weight *.*.bias", "*": "*.weight *.bias"}
        beginning = hashlib.sha256(content).hexdigest()[:16]
        return {"kind": kind, "sha256": beginning, "tensors": table}, "/net.pth", {"/net.pth": content}

    def resaved(self):
        """A .caffemodel of another sum, with the same numbers."""
        return self.canonical + b"\x0a\x03net"

    def arrays(self):
        return [(layer, i, array) for layer, both in self.weights.items() for i, array in enumerate(both)]


def tar_file(members, level=9):
    """The bytes of a .tar.gz with {path: content}."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz", compresslevel=level) as tar:
        for name, content in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    return packed.getvalue()


def piece_bytes(weights):
    """{LAYER_filter.bin or LAYER_bias.bin: its bytes} of {layer: [weights, bias]}, with the channels innermost."""
    pieces = {}
    for layer, arrays in weights.items():
        for suffix, array in zip(("filter", "bias"), arrays):
            array = array.transpose(0, 2, 3, 1) if array.ndim == 4 else array
            pieces[f"{layer}_{suffix}.bin"] = np.ascontiguousarray(array, "<f4").tobytes()
    return pieces


def pth_file(arrays):
    """The bytes of a state_dict of PyTorch with {name: array}."""
    import torch

    file = io.BytesIO()
    torch.save({name: torch.from_numpy(np.array(array)) for name, array in arrays.items()}, file)
    return file.getvalue()


def onnx_file(arrays, form="raw"):
    """The bytes of an ONNX model with {name: array} as its initializers, and something else beside them.

    form: how the numbers are written, raw, packed floats or floats.
    """
    tensors = b""
    for name, array in arrays.items():
        data = np.ascontiguousarray(array, "<f4").tobytes()
        tensor = b"".join(_varint(1 << 3) + _varint(size) for size in array.shape)  # dims
        tensor += _varint(2 << 3) + _varint(1)  # float32
        if form == "floats":
            tensor += b"".join(_varint(4 << 3 | 5) + data[at : at + 4] for at in range(0, len(data), 4))
        else:
            tensor += _bytes(4 if form == "packed floats" else 9, data)
        tensors += _bytes(5, tensor + _bytes(8, name.encode()))
    shape = _varint(1 << 3) + _varint(2) + _varint(2 << 3) + _varint(7)  # two int64
    tensors += _bytes(5, shape + _bytes(8, b"OC2_DUMMY_0") + _bytes(9, bytes(16)))
    node = _bytes(1, _bytes(1, b"data_0") + _bytes(4, b"Conv"))
    return _varint(1 << 3) + _varint(7) + _bytes(2, b"onnx-caffe2") + _bytes(7, node + tensors + _bytes(2, b"net"))


def _varint(value):
    text = b""
    while value > 127:
        text += bytes([value & 127 | 128])
        value >>= 7
    return text + bytes([value])


def _bytes(field, content):
    return _varint(field << 3 | 2) + _varint(len(content)) + content
