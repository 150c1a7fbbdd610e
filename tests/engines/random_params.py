"""Random parameters for one layer of each type, as the text of its param, for the shape that it reads.

They need not fit: what a layer cannot do is refused by deepdream's own rules for shapes, and others are drawn.
"""

from math import prod


def some(random, **choices):
    """Each of the fields with an even chance, at one of its values."""
    chosen = [(name, values) for name, values in choices.items() if random.random() < 0.5]
    return " ".join(f"{name}: {random.choice(values)}" for name, values in chosen)


def axes(shape):
    """The axes, counted from the front and from the back."""
    return range(-len(shape), len(shape))


def _directions(random, name, short, values, forms):
    """A field that is one number for both directions, two numbers, or a field for each direction; or left out."""
    a, b = random.choice(values), random.choice(values)
    one, two, sides = f"{name}: {a} ", f"{name}: {a} {name}: {b} ", f"{short}_h: {a} {short}_w: {b} "
    return {"": "", "one": one, "two": two, "sides": sides}[random.choice(forms)]


def convolution(random, shape):
    group = random.choice([1, 1, 2, shape[-3]]) if len(shape) > 2 else 1
    param = f"num_output: {group * random.randint(1, 3)} " + (f"group: {group} " if group > 1 else "")
    param += _directions(random, "kernel_size", "kernel", [1, 2, 3], ["one", "two", "sides"])
    param += _directions(random, "stride", "stride", [1, 2, 3], ["", "", "one", "two", "sides"])
    param += _directions(random, "pad", "pad", [0, 1, 2], ["", "one", "two", "sides"])
    param += _directions(random, "dilation", "", [1, 2], ["", "", "one", "two"])
    return param + some(random, bias_term=["false"])


def pooling(random, shape):
    param = some(random, pool=["AVE"], round_mode=["FLOOR"]) + " "
    if random.random() < 0.15:
        return param + "global_pooling: true"
    param += _directions(random, "kernel_size", "kernel", [1, 2, 3, 4], ["one", "sides"])
    param += _directions(random, "stride", "stride", [1, 2, 3], ["", "one", "sides"])
    return param + _directions(random, "pad", "pad", [0, 1, 2], ["", "one", "sides"])


def lrn(random, shape):
    sizes, region = [1, 3, 5, 7], ["WITHIN_CHANNEL"]
    return some(random, local_size=sizes, alpha=[0.1, 0.5, 2], beta=[0.5, 0.75, 1], k=[1.5, 2], norm_region=region)


def inner_product(random, shape):
    options = {"axis": axes(shape), "transpose": ["true"], "bias_term": ["false"]}
    return f"num_output: {random.randint(1, 5)} " + some(random, **options)


def scale(random, shape):
    axis = random.choice(axes(shape))
    # Of more axes than there are, real Caffe aborts.
    numbers = range(-1, len(shape) - axis % len(shape) + 1)
    placed = f"axis: {axis} num_axes: {random.choice(numbers)} "
    return random.choice(["", placed]) + some(random, bias_term=["true"])


def reshape(random, shape):
    """Some axes in reverse order, as one, or with one of size 1 beside them; 0 and -1 may stand for a size."""
    first = random.randint(0, len(shape))
    part = shape[first : random.randint(first, len(shape))]
    dims = list(random.choice([part[::-1], [prod(part)], [1, *part], [*part, 1]]))
    for i, (before, after) in enumerate(zip(part, dims)):
        if before == after and random.random() < 0.5:
            dims[i] = 0
    if dims and random.random() < 0.5:
        dims[random.randrange(len(dims))] = -1
    param = "shape { " + " ".join(f"dim: {size}" for size in dims) + " } "
    if first + len(part) < len(shape) or random.random() < 0.5:
        param += f"num_axes: {len(part)} "
    return param + (f"axis: {random.choice([first, first - len(shape) - 1])}" if first else "")


def slices(random, shape, count):
    """Cuts into `count`, at points or equal."""
    axis = random.randrange(len(shape))
    points = sorted(random.sample(range(1, shape[axis]), count - 1)) if count <= shape[axis] else []
    param = "".join(f"slice_point: {point} " for point in points if random.random() < 0.5 or points != points[:1])
    return param + along(random, "slice_dim", axis, len(shape))


def along(random, old_name, axis, ndim):
    """The axis of a Concat or a Slice, under its name of today or the one before; left out only where it is 1."""
    texts = [f"axis: {axis}", f"axis: {axis - ndim}", f"{old_name}: {axis}"]
    return random.choice([*texts, ""] if axis == 1 else texts)


def bias(random, shape):
    axis = random.choice(axes(shape))
    numbers = range(-1, len(shape) - axis % len(shape) + 1)
    return random.choice(["", f"axis: {axis} num_axes: {random.choice(numbers)}"])


def mvn(random, shape):
    """Of few numbers, nearly all of a diff cancels out: a wrong axis makes the layer be drawn again."""
    across = prod(shape[2:]) < 6 or random.random() < 0.5
    if prod(shape[1:]) < 6 or len(shape) < 2:
        return "no_such_field: 1"
    param = f"eps: {random.choice([0.1, 0.5])} " + some(random, normalize_variance=["false"])
    return param + (" across_channels: true" if across else "")


def reduction(random, shape):
    """Not over all axes, which would leave a single number."""
    if len(shape) < 2:
        return "axis: 9"
    axis = random.randrange(1, len(shape))
    operation = random.choice(["", "operation: ASUM ", "operation: SUMSQ ", "operation: MEAN "])
    return f"axis: {random.choice([axis, axis - len(shape)])} " + operation + some(random, coeff=[0.5, -1])


def dummy_data(random, shape):
    dims = " ".join(f"dim: {size}" for size in shape)
    old = f"num: {shape[0]} channels: {shape[1]} height: {shape[2]} width: {shape[3]}" if len(shape) == 4 else ""
    filler = random.choice(["", "data_filler { value: 0.5 } ", 'data_filler { type: "constant" value: -1 } '])
    return filler + (old if old and random.random() < 0.5 else f"shape {{ {dims} }}")


ONE_BOTTOM = {
    "Convolution": convolution,
    "Deconvolution": convolution,
    "InnerProduct": inner_product,
    "Pooling": pooling,
    "LRN": lrn,
    "Scale": scale,
    "Reshape": reshape,
    "BatchNorm": lambda random, _: some(random, eps=[0.01, 0.5], use_global_stats=["true"]),
    "Softmax": lambda random, shape: some(random, axis=axes(shape)),
    "ReLU": lambda random, _: some(random, negative_slope=[0.1, 0.5, -0.5]),
    "PReLU": lambda random, _: some(random, channel_shared=["true"]),
    "Clip": lambda random, _: f"min: {random.choice([-1, -0.5, 0])} max: {random.choice([0.5, 1, 2])}",
    "Dropout": lambda random, _: some(random, dropout_ratio=[0.3, 0.7]),
    "Flatten": lambda random, shape: some(random, axis=axes(shape), end_axis=axes(shape)),
    "AbsVal": lambda random, _: "",
    "BNLL": lambda random, _: "",
    "ELU": lambda random, _: some(random, alpha=[0.5, 2]),
    "Swish": lambda random, _: some(random, beta=[0.5, 2, -1]),
    "MVN": mvn,
    "Bias": bias,
    "Reduction": reduction,
    "Tile": lambda random, shape: some(random, axis=axes(shape)) + f" tiles: {random.randint(1, 3)}",
    "Sigmoid": lambda random, _: "",
    "TanH": lambda random, _: "",
}
