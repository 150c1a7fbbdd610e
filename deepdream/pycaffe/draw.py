"""caffe.draw: a net as a graph, by pydot and Graphviz."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ..errors import DreamError
from .proto import caffe_pb2

_COLOURS = {
    "Convolution": "#FF5050",
    "Deconvolution": "#FF5050",
    "Pooling": "#FF9900",
    "InnerProduct": "#CC33FF",
}
_BLOB = {"shape": "octagon", "fillcolor": "#E0E0E0", "style": "filled"}
_IN_PLACE = "#90EE90"


def get_pooling_types_dict() -> dict[int, str]:
    """{number: name} of the ways to pool."""
    return {number: name for name, number in caffe_pb2.PoolingParameter.PoolMethod.items()}  # type: ignore[attr-defined]


def choose_color_by_layertype(layertype: str) -> str:
    """The colour of a layer of this type."""
    return _COLOURS.get(layertype, "#6495ED")


def get_edge_label(layer: Any) -> str:
    """What is written on the edge from a layer to its blob: how many channels it makes, or pictures it reads."""
    if layer.type == "Data":
        return f"Batch {layer.data_param.batch_size}"
    if layer.type in ("Convolution", "Deconvolution"):
        return str(layer.convolution_param.num_output)
    if layer.type == "InnerProduct":
        return str(layer.inner_product_param.num_output)
    return '""'


def get_layer_label(layer: Any, rankdir: str, display_lrm: bool = False) -> str:
    """What is written on a layer, in quotes: its name, its type and its window."""
    line = " " if rankdir in ("TB", "BT") else r"\n"
    kind = layer.type
    window = None
    if kind == "Pooling":
        param = layer.pooling_param
        kind, window = f"{kind} {get_pooling_types_dict()[param.pool]}", (param.kernel_size, param.stride, param.pad)
    elif kind in ("Convolution", "Deconvolution"):
        param = layer.convolution_param
        window = tuple(
            [*numbers, default][0] for numbers, default in zip((param.kernel_size, param.stride, param.pad), (1, 1, 0))
        )
    parts = [layer.name, f"({kind})"]
    if window:
        parts += [f"{what}: {number}" for what, number in zip(("kernel size", "stride", "pad"), window)]
    if display_lrm and layer.type in ("Convolution", "Deconvolution", "InnerProduct"):
        first, second = [*(param.lr_mult for param in layer.param), 1.0, 1.0][:2]
        if first or second:
            parts.append(f"lr mult: {first:.1f}, {second:.1f}")
    return f'"{line.join(parts)}"'


def get_pydot_graph(
    caffe_net: Any, rankdir: str, label_edges: bool = True, phase: int | None = None, display_lrm: bool = False
) -> Any:
    """The graph of a NetParameter, as a pydot.Dot.

    rankdir: "LR", "TB" or "BT". phase: caffe.TRAIN or caffe.TEST leaves out the layers of the other one. Raises
    DreamError if pydot is not installed.
    """
    try:
        import pydot
    except ImportError:
        raise DreamError("drawing a net needs pydot and Graphviz: pip install pydot") from None
    graph = pydot.Dot(caffe_net.name or "Net", graph_type="digraph", rankdir=rankdir)
    nodes, edges = {}, []
    for layer in caffe_net.layer:
        if phase is not None and not _is_in(layer, phase):
            continue
        own = f"{layer.name}_{layer.type}"
        in_place = len(layer.bottom) == 1 and list(layer.bottom) == list(layer.top)
        colour = _IN_PLACE if in_place else choose_color_by_layertype(layer.type)
        label = get_layer_label(layer, rankdir, display_lrm)
        nodes[own] = pydot.Node(label, shape="record", fillcolor=colour, style="filled")
        for blob in (*layer.bottom, *layer.top):
            nodes[f"{blob}_blob"] = pydot.Node(blob, **_BLOB)
        edges += [(f"{blob}_blob", own, '""') for blob in layer.bottom]
        edges += [(own, f"{blob}_blob", get_edge_label(layer) if label_edges else '""') for blob in layer.top]
    for node in nodes.values():
        graph.add_node(node)
    for source, target, text in edges:
        graph.add_edge(pydot.Edge(nodes[source], nodes[target], label=text))
    return graph


def _is_in(layer: Any, phase: int) -> bool:
    if layer.include:
        return any(rule.phase == phase for rule in layer.include)
    return all(rule.phase != phase for rule in layer.exclude)


def draw_net(
    caffe_net: Any, rankdir: str, ext: str = "png", phase: int | None = None, display_lrm: bool = False
) -> bytes:
    """The graph of a net as the bytes of a picture of this format; "raw" is Graphviz's own."""
    return get_pydot_graph(caffe_net, rankdir, phase=phase, display_lrm=display_lrm).create(format=ext)  # type: ignore[no-any-return]


def draw_net_to_file(
    caffe_net: Any, filename: str, rankdir: str = "LR", phase: int | None = None, display_lrm: bool = False
) -> None:
    """Writes the graph of a net; the file's ending is the format."""
    Path(filename).write_bytes(draw_net(caffe_net, rankdir, Path(filename).suffix[1:], phase, display_lrm))
