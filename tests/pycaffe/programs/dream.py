"""A dream as in 2015: force_backward by way of caffe_pb2 and tmp.prototxt, then steps on a jittered picture."""

import caffe
import numpy as np
from caffe.proto import caffe_pb2
from google.protobuf import text_format

model = caffe_pb2.NetParameter()
with open("deploy.prototxt") as file:
    text_format.Merge(file.read(), model)
model.force_backward = True
with open("tmp.prototxt", "w") as file:
    file.write(str(model))
net = caffe.Classifier("tmp.prototxt", "net.caffemodel", mean=np.float32([104.0, 116.0, 122.0]), channel_swap=(2, 1, 0))
src, dst = net.blobs["data"], net.blobs["mix"]
picture = np.load("picture.npy")
src.reshape(1, 3, picture.shape[0], picture.shape[1])
src.data[0] = np.float32(np.rollaxis(picture, 2)[::-1]) - net.transformer.mean["data"]
gradients = []
for ox, oy in ((2, -1), (0, 3)):
    src.data[0] = np.roll(np.roll(src.data[0], ox, -1), oy, -2)
    net.forward(end="mix")
    dst.diff[:] = dst.data
    net.backward(start="mix")
    gradients.append(src.diff[0].copy())
    src.data[0] = np.roll(np.roll(src.data[0], -ox, -1), -oy, -2)
np.savez("dream.npz", gradient=gradients, mix=dst.data, left=net.blobs["conv2"].diff)
