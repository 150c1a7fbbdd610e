"""What a class looks like: noise that climbs the score of one class, in front of the softmax."""

import caffe
import numpy as np

with open("deploy.prototxt") as source, open("class.prototxt", "w") as target:
    target.write(source.read() + "force_backward: true\n")
net = caffe.Net("class.prototxt", caffe.TEST, weights="net.caffemodel")
net.blobs["data"].reshape(1, 3, 24, 24)
net.reshape()
noise = np.random.RandomState(5).normal(0, 8, net.blobs["data"].data.shape)
net.blobs["data"].data[...] = noise
gradients = []
for _ in range(2):
    net.forward(end="fc")
    one_hot = np.zeros_like(net.blobs["fc"].data)
    one_hot.flat[3] = 1.0
    net.blobs["fc"].diff[...] = one_hot
    grad = net.backward(start="fc", diffs=["conv2"])
    gradients.append(grad["data"].copy())
    net.blobs["data"].data[...] = noise
np.savez("visualize_class.npz", gradients=gradients, conv2=grad["conv2"], fc=net.blobs["fc"].data)
