"""Net surgery: parameters change in place, go into another net by name, are saved, and come back."""

import caffe
import numpy as np

net = caffe.Net("deploy.prototxt", "net.caffemodel", caffe.TEST)
with open("deploy.prototxt") as source, open("surgery.prototxt", "w") as target:
    target.write(source.read().replace('"fc"', '"fc-new"'))
other = caffe.Net("surgery.prototxt", "net.caffemodel", caffe.TEST)
sizes = {name: [list(blob.data.shape) for blob in blobs] for name, blobs in net.params.items()}
net.params["conv1"][0].data[1] *= -2
net.params["fc"][1].data[...] = np.arange(5)
for mine, theirs in zip(net.params["fc"], other.params["fc-new"]):
    theirs.data.flat = mine.data.flat
other.save("surgery.caffemodel")
again = caffe.Net("surgery.prototxt", caffe.TEST)
again.copy_from("surgery.caffemodel")
shared = caffe.Net("surgery.prototxt", caffe.TEST)
shared.share_with(again)
picture = np.random.RandomState(1).normal(0, 30, net.blobs["data"].data.shape)
outs = [one.forward_all(data=picture, blobs=["mix"]) for one in (net, other, again, shared)]
results = {f"prob{i}": out["prob"] for i, out in enumerate(outs)}
np.savez("surgery.npz", mix=outs[3]["mix"], sizes=np.array(sizes["fc"][0]), **results)
