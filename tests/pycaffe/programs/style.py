"""The gradient of a style: Gram matrices of two layers, back to front, a part of the pass after the other."""

import caffe
import numpy as np

with open("deploy.prototxt") as source, open("style.prototxt", "w") as target:
    target.write(source.read() + "\nforce_backward: true")
net = caffe.Net("style.prototxt", "net.caffemodel", caffe.TEST)
net.blobs["data"].reshape(1, 3, 24, 24)


def gram(layer):
    features = net.blobs[layer].data[0].reshape(net.blobs[layer].channels, -1)
    return features.dot(features.T), features


random = np.random.RandomState(2)
net.forward(data=random.normal(0, 40, (1, 3, 24, 24)))
style = {layer: gram(layer)[0] for layer in ("conv1", "mix")}
net.forward(data=random.normal(0, 40, (1, 3, 24, 24)))
for blob in net.blobs.values():
    blob.diff[...] = 0
layers, losses = ["mix", "conv1"], []
for layer, following in zip(layers, [*layers[1:], None]):
    matrix, features = gram(layer)
    difference = matrix - style[layer]
    losses.append((difference**2).sum())
    net.blobs[layer].diff[0] += difference.dot(features).reshape(net.blobs[layer].diff[0].shape) / features.size**2
    net.backward(start=layer, end=following)
np.savez("style.npz", gradient=net.blobs["data"].diff, conv1=net.blobs["conv1"].diff, losses=losses)
