"""The module caffe that the tests call: the stand-in or, in the Python of real Caffe, the real one."""

from tests.helpers.shared import ENGINE

if ENGINE == "torch":
    import deepdream.pycaffe as caffe
else:
    import caffe
    import caffe.proto.caffe_pb2

IS_REAL = ENGINE != "torch"

__all__ = ["IS_REAL", "caffe"]
