"""What a step costs by the size of the picture, in seconds and in memory."""

import json
import sys
from contextlib import ExitStack
from typing import Any, Callable, Dict, NamedTuple, Sequence

from benchmarks.timing import Step, answering, in_turn, summary, told

MIB = 2**20
Answer = Dict[str, float]  # of one_picture: seconds of the step, bytes before all and at the peak


class Picture(NamedTuple):
    """WIDTHxHEIGHT, and the bytes that a step on it may take; 0 for no bound."""

    size: str
    bound: int = 0


def size_of(megapixels: float) -> str:
    """WIDTHxHEIGHT of that many pixels, 16:9."""
    width = round((megapixels * 1e6 * 16 / 9) ** 0.5)
    return f"{width}x{round(megapixels * 1e6 / width)}"


def measure(model: str, layer: str, megapixels: Sequence[float], runs: int) -> Dict[str, Any]:
    """Each size, with memory unbounded."""
    return measure_pictures(model, layer, [Picture(size_of(number)) for number in megapixels], runs)


def measure_pictures(model: str, layer: str, pictures: Sequence[Picture], runs: int) -> Dict[str, Any]:
    """All in turn, each in a process of its own: it is the whole process's memory that counts."""
    answers: Dict[Picture, Answer] = {}
    with ExitStack() as processes:
        steps = {}
        for picture in pictures:
            command = [sys.executable, "-m", "benchmarks.one_picture", model, layer, picture.size, str(picture.bound)]
            steps[picture] = _step(processes.enter_context(answering(command)), answers, picture)
        seconds = in_turn(steps, runs)
    records = [_record(picture, summary(times), answers[picture]) for picture, times in seconds.items()]
    return {"layer": layer, "runs": runs, "pictures": records}


def _step(ask: Callable[[], str], answers: Dict[Picture, Answer], picture: Picture) -> Step:
    def step() -> float:
        answers[picture] = json.loads(ask())
        return answers[picture]["seconds"]

    return step


def _record(picture: Picture, seconds: Dict[str, float], answer: Answer) -> Dict[str, Any]:
    width, height = map(int, picture.size.split("x"))
    megapixels = width * height / 1e6
    return {
        "size": picture.size,
        "megapixels": round(megapixels, 2),
        "bound_mib": picture.bound // MIB if picture.bound else None,
        "seconds": seconds,
        "seconds_a_megapixel": round(seconds["median"] / megapixels, 4),
        "peak_mib": round(answer["peak"] / MIB),
        "growth_mib": round((answer["peak"] - answer["before"]) / MIB),
    }


def told_in_full(measured: Dict[str, Any]) -> str:
    """What has been measured, in lines."""
    return "\n".join([f"{measured['layer']}, float32", *map(told_picture, measured["pictures"])])


def told_picture(record: Dict[str, Any]) -> str:
    """What has been measured of one picture, in a line."""
    return (
        f"  {record['size']:15}{told(record['seconds'])}, {record['seconds_a_megapixel']:.3f} s a megapixel, "
        f"{record['peak_mib']} MiB, {record['growth_mib']} of them for the picture"
    )
