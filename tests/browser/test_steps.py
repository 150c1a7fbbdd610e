"""Every recorded step of real Caffe's, by the page's net in a browser: the bars of the PyTorch engine."""

import json

import numpy as np
import pytest

from tests.helpers.shared import SHARED, needs_models, needs_reference

REFERENCE = SHARED / "reference"
CASES = (
    "googlenet_3b_5x5_reduce",
    "googlenet_3b_output",
    "googlenet_4c_output",
    "googlenet_5b_output_noclip",
    "googlenet_conv2_3x3",
    "googlenet_guide_3b_output",
    "googlenet_pool4",
    "squeezenet_fire8",
)
OPEN = """
const weights = new Weights(await bytesOf(arg + ".caffemodel"));
const prototxt = new TextDecoder().decode(await bytesOf(arg + ".prototxt"));
globalThis.nets ??= {};
nets[arg] ??= new Net(ort, new Topology(prototxt), weights);
"""
STEP = """
const net = nets[arg.model];
net.src = {data: await floatsOf("before"), h: arg.h, w: arg.w};
const guide = arg.channels && {data: await floatsOf("guide"), channels: arg.channels};
let found;
const gradient = async (picture) => found = await net.gradient(picture, arg.end, {kind: arg.kind}, guide || null);
await ascend(net, gradient, 1.5, 32, arg.clip, {randint: () => arg.jitter});
const both = new Float32Array([...found, ...net.src.data]);
return asText(both);
"""
pytestmark = [needs_models, needs_reference]


@pytest.mark.parametrize("name", CASES)
def test_a_recorded_step_agrees_with_caffe(modules, name):
    record = np.load(REFERENCE / f"{name}.npz")
    case = json.loads(str(record["case"]))
    folder = SHARED / "models" / case["model"]
    modules.put(f"{case['model']}.caffemodel", next(folder.glob("*.caffemodel")).read_bytes())
    modules.put(f"{case['model']}.prototxt", (folder / "deploy.prototxt").read_bytes())
    modules.call(OPEN, case["model"])
    kind = case.get("objective", {"kind": "l2"})["kind"]
    asked = {"model": case["model"], "end": case["layer"], "kind": kind, "clip": case.get("clip", True)}
    if kind == "guide":
        modules.put("guide", record["guide_features"])
        asked["channels"] = len(record["guide_features"])
    for step in (f"step{number:02}" for number in case["keep"]):
        before, wanted = record[f"{step}_before"], record[f"{step}_gradient"]
        modules.put("before", before)
        shift = [int(pixels) for pixels in record[f"{step}_jitter"]]
        both = modules.array(STEP, {**asked, "h": before.shape[1], "w": before.shape[2], "jitter": shift})
        gradient, after = both.reshape(2, *before.shape)
        error = abs(gradient - wanted) / abs(wanted).mean()
        print(f"{name} {step}: median {np.median(error):.1e}, mean {error.mean():.1e}")
        assert np.median(error) < 2e-6
        assert error.mean() < 1e-3
        assert np.median(abs(after - record[f"{step}_after"])) < 1e-4
