"""Gradients from a worker process that is spawned, with a net of its own."""

import multiprocessing

import numpy as np


def gradients(seeds, answers):
    import caffe

    net = caffe.Net("workers.prototxt", "net.caffemodel", caffe.TEST)
    for seed in seeds:
        picture = np.random.RandomState(seed).normal(0, 30, net.blobs["data"].data.shape)
        outs, diffs = net.forward_backward_all(data=picture, prob=np.ones((4, 5)) * np.arange(5))
        answers.send((outs["prob"], diffs["data"]))


if __name__ == "__main__":
    with open("deploy.prototxt") as source, open("workers.prototxt", "w") as target:
        target.write(source.read() + "force_backward: true\n")
    spawn = multiprocessing.get_context("spawn")
    here, there = spawn.Pipe()
    worker = spawn.Process(target=gradients, args=([1, 2], there))
    worker.start()
    there.close()
    found = [here.recv() for _ in range(2)]
    worker.join()
    np.savez("workers.npz", prob=[one[0] for one in found], data=[one[1] for one in found])
