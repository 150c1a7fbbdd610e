"""blobs="all": pycaffe's arguments and answers, and the diffs that Caffe leaves behind."""

import numpy as np
import pytest

from deepdream import load_net
from deepdream.errors import UsageError
from tests.engines.torch.small_net import gradient, picture
from tests.helpers.nets import input_layer, layer, write_net

# Numbers worked in the head: right = 3 x, left = 2 x, sum = both.
BRANCHES = (
    input_layer((1, 1, 1, 1))
    + layer("right", "Power", "data", param="power_param { scale: 3 }")
    + layer("left", "Power", "data", param="power_param { scale: 2 }")
    + layer("sum", "Eltwise", "left right")
)


def test_forward_from_a_layer_on(make):
    net = make(BRANCHES)
    net.forward(data=1)
    net.blobs["right"].data[...] = 100
    net.forward(start="left")
    assert net.blobs["sum"].data.item() == 102
    assert net.forward(start="right", end="right") == {"right": 3}
    assert net.blobs["sum"].data.item() == 102


def test_forward_answers(make):
    net = make(BRANCHES)
    assert net.forward(data=np.full((1, 1, 1, 1), 7)) == {"sum": 35}
    assert net.forward(["left", "data"]) == {"sum": 35, "left": 14, "data": 7}
    assert net.forward(blobs=["sum"], end="left") == {"left": 14, "sum": 35}


def test_a_net_that_ends_in_place(make):
    net = make(input_layer((1, 1, 1, 2)) + layer("a", "TanH", "data") + layer("relu", "ReLU", "a", "a"))
    assert net.outputs == ["a"]
    tops = net.forward(data=np.array([-1.0, 0]))
    assert tops["a"].tolist() == [[[[0, 0]]]]


def test_backward_answers(make):
    net = make(BRANCHES)
    net.forward(data=1)
    assert net.backward(sum=10) == {"data": 50}
    assert net.backward(["left"], sum=1) == {"data": 5, "left": 1}
    assert net.backward(end="left", sum=4) == {"data_data_0_split_1": 8}
    assert net.backward(start="left", left=1) == {"data": 14}  # it goes on, with the 4 that `right` has been given
    net.forward()
    assert net.backward(start="left", left=1) == {"data": 2}
    assert net.backward(start="left", left=1, right=1) == {"data": 5}  # a diff that is given is kept


def test_the_diffs_left_behind_by_hand(make):
    net = make(BRANCHES, leftovers=True)
    net.forward(data=1)
    assert net.backward(sum=1) == {"data": 5}
    # From left back to data there is right, too: it works on the diff of 1 from before.
    assert net.backward(start="left", left=10) == {"data": 10 * 2 + 1 * 3}
    net.blobs["right"].diff[...] = 0
    assert net.backward(start="left") == {"data": 20}


def test_without_leftovers_each_pass_starts_from_zero(make):
    net = make(BRANCHES)
    net.forward(data=1)
    net.backward(sum=1)
    assert net.backward(start="left", left=10) == {"data": 20}
    assert net.blobs["right"].diff == 0


def test_leftovers_in_a_module(make):
    """As in Google's picture of 3b/5x5_reduce: its siblings work on what they were given by an earlier dream."""
    used, fresh = (make(precision="float64", leftovers=leftovers) for leftovers in (True, False))
    picture(used)
    gradient(used, "mix")
    left = {name: used.blobs[name].diff.copy() for name in ("right", "left", "pool_proj")}
    picture(used, seed=5)
    _, diffs, diff = gradient(used, "left", seed=6)
    # Expected is the sum of three passes, each from one diff. What is behind `left` in the prototxt does not run.
    picture(fresh, seed=5)
    fresh.forward(end="mix")
    expected = fresh.backward(start="left", **diffs)["data"].copy()
    assert np.abs(diff - expected).max() > 0.01 * np.abs(expected).max()
    expected += fresh.backward(start="right/relu", right=left["right"])["data"]
    # The pool ran in the first dream but does not now: what it gave the split stays.
    split = fresh.topology.layers[fresh.topology.index["norm_norm_0_split"]].tops
    pooled = used.blobs[split[2]].diff
    assert pooled.any()
    expected += fresh.backward(start="norm_norm_0_split", **{split[2]: pooled, split[0]: 0, split[1]: 0})["data"]
    np.testing.assert_allclose(diff, expected, rtol=1e-9, atol=1e-12)


def test_a_used_net_without_leftovers_is_as_good_as_new(make):
    used, fresh = make(), make()
    for height, width in ((9, 11), (6, 7)):
        picture(used, height, width)
        gradient(used, "mix")
    for net in (used, fresh):
        picture(net, seed=5)
    np.testing.assert_array_equal(gradient(used, "left")[2], gradient(fresh, "left")[2])


@pytest.mark.parametrize("leftovers", [False, True])
def test_parameters_diffs_add_up_with_leftovers(make, leftovers):
    net = make(precision="float64", leftovers=leftovers)
    picture(net)
    gradient(net, "prob")
    once = {name: [blob.diff.copy() for blob in blobs] for name, blobs in net.params.items()}
    gradient(net, "prob")
    for name, blobs in net.params.items():
        for blob, diff in zip(blobs, once[name]):
            np.testing.assert_allclose(blob.diff, diff * (2 if leftovers else 1), rtol=1e-9, atol=1e-15)
    assert once["conv"][0].any()


def test_a_top_that_another_layer_overwrites_does_not_mislead_the_relu(tmp_path):
    """Caffe takes the sign from the bottom (relu_layer.cpp), which the turned top does not have any more."""
    text = input_layer((1, 3, 2, 2)) + layer("relu", "ReLU", "data")
    text += layer("turn", "Power", "relu", "relu", "power_param { scale: -1 }")
    write_net(tmp_path, text)
    net = load_net(str(tmp_path), "torch", "cpu")
    net.blobs["data"].data[...] = [[[[-1, 2], [3, -4]]] * 3]
    net.forward()
    net.blobs["relu"].diff[...] = 5
    net.backward()
    assert net.blobs["data"].diff[0, 0].tolist() == [[0, -5], [-5, 0]]


def test_parameters_diffs_beside_finite_differences(make):
    net = make(precision="float64")
    picture(net)
    _, diffs, _ = gradient(net, "mix")
    for name in ("conv", "right", "pool_proj"):
        for blob in net.params[name]:
            start, values, way = blob.data.copy(), [], np.random.RandomState(3).normal(size=blob.shape)
            for step in (1e-6, -1e-6):
                blob.data[...] = start + step * way
                values.append((net.forward(end="mix")["mix"] * diffs["mix"]).sum())
            blob.data[...] = start
            np.testing.assert_allclose((blob.diff * way).sum(), (values[0] - values[1]) / 2e-6, rtol=1e-5)


def test_a_blob_has_the_names_of_four_axes(make):
    net = make(
        input_layer((2, 1, 3, 4)) + layer("fc", "InnerProduct", "data", param="inner_product_param { num_output: 5 }")
    )
    data, fc = net.blobs["data"], net.blobs["fc"]
    assert (data.num, data.channels, data.height, data.width, data.count) == (2, 1, 3, 4, 24)
    assert (fc.num, fc.channels, fc.height, fc.width, fc.count) == (2, 5, 1, 1, 10)
    fc.reshape(1, 2, 3, 4, 5)
    with pytest.raises(UsageError, match="5 axes"):
        fc.num  # noqa: B018


def test_reshape_carries_the_size_of_the_input_on(make):
    net = make(BRANCHES)
    net.blobs["data"].reshape(2, 1, 3, 3)
    net.reshape()
    assert {blob.shape for blob in net.blobs.values()} == {(2, 1, 3, 3)}
    assert not net.blobs["sum"].data.any()  # nothing has run


def test_what_is_no_input_is_refused(make):
    net = make(BRANCHES)
    net.blobs["data"].reshape(2, 1, 1, 3)
    for array, reason in ((np.zeros((1, 1, 1, 3)), "Input is not batch sized"), (np.zeros((2, 1, 1, 4)), "2x1x1x4")):
        with pytest.raises(UsageError, match=reason):
            net.forward(data=array)
    with pytest.raises(UsageError, match="Diff is not batch sized"):
        net.backward(data=np.zeros((1, 1, 1, 3)))
    with pytest.raises(UsageError, match="no blob 'dat'"):
        net.forward(dat=1)
    with pytest.raises(UsageError, match="no blob 'middle'"):
        net.backward(["middle"])


def test_diffs_of_the_parameters_are_cleared_on_request(make):
    net = make(
        input_layer((1, 1, 1, 1)) + layer("fc", "InnerProduct", "data", param="inner_product_param { num_output: 1 }")
    )
    net.forward(data=2)
    net.backward(fc=3)
    assert [blob.diff.item() for blob in net.params["fc"]] == [6, 3]
    net.clear_param_diffs()
    assert [blob.diff.item() for blob in net.params["fc"]] == [0, 0]
