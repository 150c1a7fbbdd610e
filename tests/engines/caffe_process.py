"""Real Caffe in a process of its own, since it wants an older Python than PyTorch does.

$CAFFE_PYTHON is the command of a Python that has pycaffe, such as "python3"; it is given this very file to run. Nets,
pictures and results go through its standard input and output, each message an .npz behind its length.
"""

import io
import os
import shlex
import struct
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

COMMAND = os.environ.get("CAFFE_PYTHON", "")


class CaffeProcess:
    """Caffe's side of a comparison: one net at a time, any number of nets one after the other.

    Where one of its checks fails, Caffe ends the whole process. That is then an AssertionError with Caffe's last words,
    and the next net gets a new process.
    """

    def __init__(self):
        self._process = None

    def load(self, prototxt, caffemodel):
        """The names of the layers of a net, given as the bytes of its two files."""
        files = {"prototxt": prototxt, "caffemodel": caffemodel}
        answer = self._ask({name: np.frombuffer(content, np.uint8) for name, content in files.items()})
        return list(answer["layers"])

    def run(self, one, blobs, layers):
        """What one pass (a side_by_side.Pass) makes of these blobs, and of the parameters of these layers.

        Returns {"data|BLOB": array, "diff|BLOB": array, "param|LAYER|NUMBER": its diff}.
        """
        request = {
            "end": one.end,
            "clean": one.clean,
            "back": one.back,
            "starts": list(one.diff),
            "blobs": blobs,
            "layers": layers,
        }
        request.update({f"data|{blob}": picture for blob, picture in one.data.items()})
        request.update({f"diff|{blob}": diff for blob, diff in one.diff.items() if diff is not None})
        return self._ask(request)

    def close(self):
        """Ends the process, if there is one; returns what it has written to its standard error."""
        if self._process is None:
            return ""
        self._process.communicate()  # the end of the requests
        self._process = None
        with self._said:
            self._said.seek(0)
            return self._said.read().decode()

    def _ask(self, request):
        if self._process is None:
            self._said = tempfile.TemporaryFile()  # noqa: SIM115 (a pipe that nobody reads would fill up)
            command = [*shlex.split(COMMAND), "-c", Path(__file__).read_text(encoding="utf-8")]
            pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": self._said}
            # More threads would mostly wait: for each other in small nets, and for PyTorch's in large ones.
            self._process = subprocess.Popen(command, env={**os.environ, "OPENBLAS_NUM_THREADS": "1"}, **pipes)
        try:
            send(self._process.stdin, request)
            answer = receive(self._process.stdout)
        except BrokenPipeError:
            answer = None
        if answer is None:
            raise AssertionError("real Caffe has ended: " + self.close()[-2000:])
        return answer


def send(stream, arrays):
    """Writes one message of {name: array}."""
    message = io.BytesIO()
    np.savez(message, **arrays)
    stream.write(struct.pack("<q", message.tell()))
    stream.write(message.getbuffer())
    stream.flush()


def receive(stream):
    """The next message, or None where the stream ends."""
    length = stream.read(8)
    if len(length) < 8:
        return None
    size = struct.unpack("<q", length)[0]
    message = stream.read(size)
    return dict(np.load(io.BytesIO(message))) if len(message) == size else None


def serve(requests, answers):
    """What Caffe's Python does: loads nets and runs passes until there are no more requests."""
    import caffe

    net = None
    for request in iter(lambda: receive(requests), None):
        if "prototxt" in request:
            net = None  # frees the memory of the one before
            with tempfile.TemporaryDirectory() as folder:
                paths = [str(Path(folder) / name) for name in ("prototxt", "caffemodel")]
                for path, name in zip(paths, ("prototxt", "caffemodel")):
                    request[name].tofile(path)
                net = caffe.Net(*paths, caffe.TEST)
            send(answers, {"layers": list(net._layer_names)})
        else:
            send(answers, _one_pass(net, request))


def _one_pass(net, request):
    """What CaffeProcess.run returns."""
    last = list(net._layer_names).index(str(request["end"]))
    for name, blob in net.blobs.items():
        if "data|" + name in request:
            blob.reshape(*request["data|" + name].shape)
            blob.data[...] = request["data|" + name]
    net._forward(0, last)
    if request["clean"]:
        params = [param for name in request["layers"] for param in net.params[name]]
        for blob in [*(net.blobs[name] for name in request["blobs"]), *params]:
            blob.diff[...] = 0
    for name in request["starts"]:
        net.blobs[name].diff[...] = request.get("diff|" + name, net.blobs[name].data)
    if request["back"]:
        net._backward(last, 0)
    results = {}
    for name in request["blobs"]:
        results["data|" + name], results["diff|" + name] = net.blobs[name].data, net.blobs[name].diff
    for name in request["layers"]:
        for i, param in enumerate(net.params[name]):
            results[f"param|{name}|{i}"] = param.diff
    return results


if __name__ == "__main__":
    serve(sys.stdin.buffer, sys.stdout.buffer)
