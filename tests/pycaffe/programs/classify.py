"""A classifier: the mean of ten crops of a picture, and the best classes."""

import caffe
import numpy as np

caffe.set_mode_cpu()
net = caffe.Classifier(
    "deploy.prototxt",
    "net.caffemodel",
    image_dims=(28, 30),
    mean=np.load("picture.npy").mean(0).mean(0)[::-1],
    raw_scale=255,
    channel_swap=(2, 1, 0),
)
pictures = [np.float32(np.load("picture.npy") / 255.0), np.ones((40, 33, 3), np.float32) * 0.25]
ten = net.predict(pictures)
centre = net.predict(pictures, oversample=False)
net.blobs["data"].reshape(2, 3, 24, 24)
again = net.predict(pictures, oversample=False)
best = np.argsort(-ten[0])[:3]
np.savez("classify.npz", ten=ten, centre=centre, again=again, best=best, size=net.crop_dims)
