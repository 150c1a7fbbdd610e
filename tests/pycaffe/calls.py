"""What programs call, and what real Caffe answers: (call, answer), or (call, the type of the exception).

`net` has two outputs and force_backward; `plain` is the same net without; `loss` has a loss of its own.
"""

from tests.helpers.nets import input_layer, layer

BODY = (
    input_layer((2, 3, 8, 8))
    + layer(
        "conv",
        "Convolution",
        "data",
        param='convolution_param { num_output: 4 kernel_size: 3 weight_filler { type: "constant" value: 0.01 } '
        'bias_filler { type: "constant" value: 0.2 } }',
    )
    + layer("relu", "ReLU", "conv", "conv")
    + layer("pool", "Pooling", "conv", param="pooling_param { kernel_size: 2 stride: 2 }")
    + layer(
        "fc",
        "InnerProduct",
        "conv",
        param='inner_product_param { num_output: 3 weight_filler { type: "constant" value: 0.5 } }',
    )
    + layer("prob", "Softmax", "fc")
)
LOSS = (
    input_layer((2, 3))
    + layer("a", "InnerProduct", "data", param="param { lr_mult: 0 } inner_product_param { num_output: 2 }")
    + layer("b", "InnerProduct", "a", param="inner_product_param { num_output: 2 weight_filler { value: 1 } }")
    + layer("side", "InnerProduct", "data", param="inner_product_param { num_output: 2 }")
    + layer("power", "Power", "b", param="loss_weight: 3 power_param { scale: 2 }")
)
DUMMY = (
    "dummy_data_param { shape { dim: 4 dim: 3 } shape { dim: 4 } data_filler { value: 2 } data_filler { value: 1 } }"
)
TRAINED = (
    "force_backward: true "
    + layer("in", "DummyData", "", "x label", DUMMY)
    + layer("power", "Power", "x", param="power_param { scale: 0.5 }")
    + layer("loss", "SoftmaxWithLoss", "power label", param="loss_param { ignore_label: 0 }")
    + layer(
        "mean",
        "SoftmaxWithLoss",
        "power label",
        param="loss_weight: 3 loss_param { normalize: false }",
    )
    + layer(
        "random",
        "DummyData",
        "",
        param='dummy_data_param { shape { dim: 400 } data_filler { type: "uniform" min: 1 max: 2 } }',
    )
)
NETS = {"trained": TRAINED, "net": 'name: "tiny" force_backward: true\n' + BODY, "plain": BODY, "loss": LOSS}

SPLITS = ["conv_relu_0_split_0", "conv_relu_0_split_1"]
BLOBS = ["data", "conv", *SPLITS, "pool", "fc", "prob"]
LAYERS = ["data", "conv", "relu", "conv_relu_0_split", "pool", "fc", "prob"]

NAMES = [
    ("net.inputs", ["data"]),
    ("net.outputs", ["pool", "prob"]),
    ("list(net.blobs)", BLOBS),
    ("list(net.params)", ["conv", "fc"]),
    ("list(net._layer_names)", LAYERS),
    ("list(net._blob_names)", BLOBS),
    ("list(net.layer_dict)", LAYERS),
    (
        "[one.type for one in net.layers]",
        ["Input", "Convolution", "ReLU", "Split", "Pooling", "InnerProduct", "Softmax"],
    ),
    ("[len(one.blobs) for one in net.layers]", [0, 2, 0, 0, 0, 2, 0]),
    ("net.top_names['conv_relu_0_split']", SPLITS),
    ("net.bottom_names['relu'], net.bottom_names['data']", (["conv"], [])),
    ("list(net._inputs), list(net._outputs)", ([0], [4, 6])),
    ("list(net._bottom_ids(5)), list(net._top_ids(3))", ([3], [2, 3])),
    ("[list(one.shape) for one in net._blobs][-1]", [2, 3]),
    ("[blob.count for blob in net.params['conv']]", [108, 4]),
    ("net.blob_loss_weights['prob'], loss.blob_loss_weights['power']", (0, 3)),
    ("caffe.TEST, caffe.TRAIN", (1, 0)),
    ("caffe.__version__", "1.0.0"),
    ("'Convolution' in list(caffe.layer_type_list())", True),
    ("caffe.set_mode_cpu()", None),
    ("caffe.set_random_seed(3)", None),
    ("caffe.proto.caffe_pb2.TEST", 1),
]

MAKING = [
    ("list(caffe.Net(path, caffe.TEST).blobs) == list(net.blobs)", True),
    ("caffe.Net(path, phase=caffe.TEST, level=0, stages=['x']).outputs", ["pool", "prob"]),
    ("caffe.Net(network_file=path, phase=1, level=0, stages=None, weights=None).outputs", ["pool", "prob"]),
    ("net.save(file), caffe.Net(path, file, caffe.TEST).params['conv'][1].data", (None, [0.2] * 4)),
    ("net.save(file), caffe.Net(path, caffe.TEST, weights=file).params['conv'][1].data", (None, [0.2] * 4)),
    ("net.save(file), plain.copy_from(file), plain.params['fc'][0].data.sum()", (None, None, 216)),
    ("caffe.Net(path)", TypeError),
    ("caffe.Net()", TypeError),
    ("caffe.Net(path, 'TEST')", TypeError),
    ("caffe.Net('nowhere.prototxt', caffe.TEST)", RuntimeError),
    ("caffe.Net(path, caffe.TEST, weights='nowhere')", RuntimeError),
    ("caffe.Net(path, 'nowhere', caffe.TEST)", RuntimeError),
]

BLOB = [
    ("[net.blobs['data'].num, net.blobs['data'].channels, net.blobs['data'].height]", [2, 3, 8]),
    ("[net.blobs['prob'].width, net.blobs['prob'].channels, net.blobs['prob'].count]", [1, 3, 6]),
    ("list(net.blobs['data'].shape), net.blobs['data'].shape[1]", ([2, 3, 8, 8], 3)),
    ("net.blobs['data'].data.dtype.name, net.blobs['data'].data.flags['C_CONTIGUOUS']", ("float32", True)),
    ("net.blobs['data'].reshape(5, 3, 8, 8), net.reshape(), list(net.blobs['pool'].shape)", (None, None, [5, 4, 3, 3])),
    ("net.blobs['data'].reshape(2, 3)", None),
    ("net.blobs['data'].reshape((2, 3, 8, 8))", TypeError),
    ("net.blobs['data'].reshape(2.0, 3, 8, 8)", TypeError),
    ("net.blobs['nowhere']", KeyError),
    ("net.params['nowhere']", KeyError),
    ("net.params['conv'][2]", IndexError),
    ("net.blobs['fc'].data.fill(7), net.blobs['fc'].reshape(1, 2), net.blobs['fc'].data", (None, None, [[7, 7]])),
    ("net.blobs['fc'].data.fill(7), net.blobs['fc'].reshape(3, 3), net.blobs['fc'].data[0]", (None, None, [0, 0, 0])),
]

FORWARD = [
    ("sorted(net.forward())", ["pool", "prob"]),
    ("sorted(net.forward(blobs=['conv']))", ["conv", "pool", "prob"]),
    ("sorted(net.forward(['fc'], end='conv'))", ["conv", "fc"]),
    ("sorted(net.forward(start='fc'))", ["pool", "prob"]),
    ("sorted(net.forward(start='prob', end='conv'))", ["conv"]),
    ("net.forward(data=ones)['prob'][0]", [1 / 3] * 3),
    ("net.forward(data=ones, blobs=['conv'])['conv'][1, 3, 5]", [0.47] * 6),
    ("net.forward(data=ones[:, :, :1, :1])['pool'][0, 0]", [[0.47] * 3] * 3),
    ("net.forward(data=ones[:1])", Exception),
    ("net.forward(data=ones[:, :, 1:])", ValueError),
    ("net.forward(other=ones)", Exception),
    ("net.forward(data=3)", AttributeError),
    ("net.forward(start='nowhere')", ValueError),
    ("net.forward(end='nowhere')", ValueError),
    ("net.forward(blobs=['nowhere'])", KeyError),
    ("{k: v.shape for k, v in net.forward_all(data=five).items()}", {"pool": (5, 4, 3, 3), "prob": (5, 3)}),
    ("net.forward_all(data=five, blobs=['fc'])['fc'][:, 0]", [14.4, 33.84, 53.28, 72.72, 92.16]),
    ("net.forward_all(data=ones[:1])['prob'].shape", (1, 3)),
    ("net.forward_all()", RuntimeError),
]

ALL = "net.forward_backward_all(data=five[:3], prob=p3, pool=q3, diffs=['fc'])"

BACKWARD = [
    ("net.forward() and sorted(net.backward())", ["data"]),
    ("net.forward() and sorted(net.backward(diffs=['conv']))", ["conv", "data"]),
    ("net.forward() and sorted(net.backward(start='fc', end='conv'))", ["data"]),
    ("sorted(net.backward(end='fc'))", [SPLITS[1]]),
    (
        "net.forward(data=ones) and net.backward(prob=p, pool=q)['data'][0, 0, 0]",
        [0.04, 0.04, 0.08, 0.04, 0.08, 0.04, 0.04, 0],
    ),
    ("net.backward(prob=p)", Exception),
    ("net.backward(conv=ones)", Exception),
    ("net.backward(prob=p[:1], pool=q)", Exception),
    ("net.backward(prob=p, pool=q[:, :, 1:])", ValueError),
    ("net.backward(start='nowhere')", ValueError),
    ("net.backward(end='nowhere')", ValueError),
    ("net.forward() and net.backward(diffs=['nowhere'])", KeyError),
    (f"{ALL}[0]['pool'][:, 0, 0, 0]", [0.2, 0.47, 0.74]),
    (f"{ALL}[1]['data'][:, 0, 6, 6]", [0.04, 0.04, 0.04]),
    (f"{ALL}[1]['fc'].shape", (3, 3)),
]

GO = "net.forward(data=ones) and net.backward(prob=p, pool=q)"
PLAIN = "plain.forward(data=ones) and plain.backward(prob=p, pool=q)"
LOSS_DIFFS = "[[b.diff.any() for b in loss.params[k]] for k in ('a', 'b', 'side')]"

# What one pass leaves to the next, and the nets without force_backward.
LEFTOVERS = [
    (f"{GO} and net.params['conv'][1].diff", [18.0] * 4),
    (f"{GO} and {GO} and net.params['conv'][1].diff", [36.0] * 4),
    (f"{GO} and net.clear_param_diffs() or net.params['conv'][1].diff", [0] * 4),
    (f"{GO} and net.backward(start='fc')['data'][0, 0, 3]", [0.04, 0.04, 0.08, 0.04, 0.08, 0.04, 0.04, 0]),
    (f"{GO} and net.blobs['pool'].diff.fill(0) or net.backward(start='fc')['data'][0, 0, 3]", [0] * 8),
    (f"{PLAIN} and plain.blobs['data'].diff.any()", False),
    (f"{PLAIN} and plain.params['conv'][1].diff.any()", False),
    ("loss.blobs['power'].diff", [[3, 3], [3, 3]]),
    ("loss.forward() and loss.backward()['data'].any()", False),
    (f"loss.forward() and loss.backward() and {LOSS_DIFFS}", [[False, True], [False, True], [False, False]]),
]

CALLBACKS = [
    (
        "net.after_forward(seen.append) or net.before_forward(seen.append) or net.forward(start='fc') and seen",
        [5, 5, 6, 6],
    ),
    ("net.before_backward(seen.append) or net.backward(end='fc') and seen", [6, 5]),
    ("net.after_backward(seen.append) or net.backward(start='conv') and seen", [1, 0]),
]

SHARING = [
    ("plain.share_with(net) or net.params['fc'][0].data.fill(2) or plain.params['fc'][0].data.sum()", 864),
    ("plain.share_with(net) or net.params['fc'][0].data.fill(2) or plain.forward(data=ones)['pool'].sum()", 33.84),
    ("plain.share_with(net) or net.params['fc'][0].diff.fill(2) or plain.params['fc'][0].diff.any()", False),
    ("net.params['conv'][0].data.fill(0) or net.forward(data=ones)['pool'][0, 0, 0]", [0.2] * 3),
]

SCORES = "trained.blobs['x'].data[...].__setitem__(1, [2, 6, 4]) or trained.blobs['label'].data.__setitem__(2, 0) or "

LOG3 = 1.0986123  # the loss of three classes that are alike

LOSSES = [
    ("trained.outputs", ["loss", "mean", "random"]),
    ("trained.forward()['loss'], trained.forward()['mean']", (LOG3, LOG3)),
    (SCORES + "trained.forward()['loss']", (2 * LOG3 + 0.4076060) / 3),
    (SCORES + "trained.forward()['mean']", (3 * LOG3 + 0.4076060) / 4),
    (SCORES + "trained.forward() and trained.backward(diffs=['x'])['x'][2]", [-1 / 4, 1 / 8, 1 / 8]),
    (SCORES + "trained.forward() and trained.backward(diffs=['x'])['x'][1]", [0.0487666, -0.1813278, 0.1325612]),
    (SCORES + "trained.forward() and trained.backward(diffs=['label'])['label']", [0] * 4),
    ("trained.blob_loss_weights['loss'], trained.blob_loss_weights['mean']", (1, 3)),
    ("trained.forward()['random'].min() >= 1 and trained.blobs['random'].data.std() > 0.2", True),
    ("trained.forward()['random'].sum() != trained.blobs['x'].data.sum() and trained.blobs['x'].data[0, 0]", 2),
    ("len({float(trained.forward()['random'][0]) for _ in range(3)})", 3),
]

TABLE = [*LOSSES, *NAMES, *MAKING, *BLOB, *FORWARD, *BACKWARD, *LEFTOVERS, *CALLBACKS, *SHARING]
