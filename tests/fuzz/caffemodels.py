"""Damaged caffemodels of whole nets."""

import numpy as np

from deepdream.caffe_format import schema
from tests.engines.random_nets import random_net
from tests.fuzz import damage
from tests.fuzz.prototxts import SEEDS, commands
from tests.helpers.nets import write_net
from tests.helpers.tiny import tiny_picture


def make(random, folder):
    """Writes a case into an empty folder, and returns what is run on it: (name, arguments) each."""
    text = random.choice(SEEDS) if random.random() < 0.75 else random_net(random.randrange(300))
    model = folder / "model"
    model.mkdir()
    path = write_net(model, text, random.randrange(3)).weights
    data = path.read_bytes()
    way = random.random()
    if way < 0.4:
        data = damage.in_bytes(random, data, [data])
    elif way < 0.7:
        net = schema.NetParameter.FromString(data)
        damage.in_message(random, net)
        data = net.SerializeToString()
    elif way < 0.9:
        data = _other_numbers(random, data)
    else:
        data = _as_of_old(random, data)
    path.write_bytes(data)
    tiny_picture(folder / "in.png", 24, 20)
    return commands(random, model)


def _other_numbers(random, data):
    """As many weights, but not such as anybody trains."""
    net = schema.NetParameter.FromString(data)
    for layer in net.layer:
        for blob in layer.blobs:
            if random.random() < 0.5:
                numbers = np.frombuffer(blob.data, np.float32).copy()
                with np.errstate(over="ignore"):
                    numbers[random.randrange(len(numbers)) :: random.choice((1, 7, 10**6))] = random.choice(
                        damage.BROKEN
                    )
                blob.data = numbers.tobytes()
                if random.random() < 0.3:
                    blob.double_data, blob.data = numbers.astype(np.float64).tobytes(), b""
    return net.SerializeToString()


def _as_of_old(random, data):
    """The blobs' shapes as four numbers, some of them wrong."""
    net = schema.NetParameter.FromString(data)
    for layer in net.layer:
        for blob in layer.blobs:
            dims = [1, 1, 1, 1, *blob.shape.dim][-4:]
            if random.random() < 0.1:
                dims[random.randrange(4)] = random.choice(damage.SIGNED[:-1]) % 2**31
            blob.num, blob.channels, blob.height, blob.width = dims
            if random.random() < 0.9:
                blob.ClearField("shape")
    return net.SerializeToString()
