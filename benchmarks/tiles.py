"""What a step in tiles costs, by the memory that the picture may take."""

from typing import Any, Dict

from benchmarks.sizes import MIB, Picture, measure_pictures, told_picture


def measure(model: str, layer: str, unbounded: Dict[str, Any], runs: int) -> Dict[str, Any]:
    """A picture that sizes.py has measured once more, beside half and a quarter of the memory that it has taken."""
    bounds = [0, *(unbounded["growth_mib"] * MIB // part for part in (2, 4))]
    measured = measure_pictures(model, layer, [Picture(unbounded["size"], bound) for bound in bounds], runs)
    whole, *tiled = measured["pictures"]
    for record in tiled:
        record["times_unbounded"] = round(record["seconds"]["median"] / whole["seconds"]["median"], 3)
    return measured


def told_in_full(measured: Dict[str, Any]) -> str:
    """What measure has found, in lines."""
    whole, *tiled = measured["pictures"]
    lines = [f"{measured['layer']}, float32", told_picture(whole)]
    for record in tiled:
        times = f"{record['times_unbounded']:.2f} times the unbounded step"
        lines += [told_picture(record), f"    with at most {record['bound_mib']} MiB for it: {times}"]
    return "\n".join(lines)
