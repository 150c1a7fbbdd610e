"""Saliency: which pixels the score of the best class depends on, by one backward pass with all outputs given."""

import caffe
import numpy as np

with open("deploy.prototxt") as source, open("saliency.prototxt", "w") as target:
    target.write("force_backward: true\n" + source.read())
net = caffe.Net("saliency.prototxt", "net.caffemodel", caffe.TEST)
transformer = caffe.io.Transformer({"data": net.blobs["data"].data.shape})
transformer.set_transpose("data", (2, 0, 1))
transformer.set_channel_swap("data", (2, 1, 0))
transformer.set_raw_scale("data", 255.0)
transformer.set_mean("data", np.array([104.0, 116.0, 122.0]))
transformer.set_input_scale("data", 0.02)  # so that no score is next to 1, where the rest is all rounding
net.blobs["data"].reshape(1, 3, 24, 24)
data = transformer.preprocess("data", np.load("picture.npy") / 255.0)
scores = net.forward(data=data[np.newaxis], blobs=["fc"])
label = np.zeros_like(scores["prob"])
label[0, scores["prob"][0].argmax()] = 1
diffs = net.backward(prob=label, diffs=["conv1"])
shown = transformer.deprocess("data", diffs["data"])
np.savez("saliency.npz", saliency=np.abs(diffs["data"][0]).max(0), shown=shown, conv1=diffs["conv1"], fc=scores["fc"])
