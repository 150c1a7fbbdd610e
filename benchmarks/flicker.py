"""Is a dreamt film steady? How much it flickers, by the way that its frames are dreamt, on clips whose motion is known.

    python -m benchmarks.flicker [--size 640x360] [--frames 12] [--pictures FOLDER] [OPTION OF dreamify video ...]

Flicker is the mean difference, in levels of 0-255, between a frame and the one before it, moved as the clip's true
motion moves it, over the pixels that were visible in both. Two clips: a window that pans over examples/clouds.jpg, and
textured shapes that move over each other. The dreams are the program's own, at the settings of 2015 unless options say
otherwise; seconds a frame are of the whole program, less its start. With --pictures, the last three frames of each way
are left there, the film's first, a way a row. Takes twelve minutes on two cores.
"""

import argparse
import tempfile
import time
from pathlib import Path
from typing import Dict, Iterator, List, Sequence, Tuple

import numpy as np
from PIL import Image

from benchmarks.clips import Moment, pan, shapes
from deepdream.cli import main as dreamify
from deepdream.video.flow import flicker

ROOT = Path(__file__).resolve().parents[1]
PAN = (2.4, 0.7)  # pixels a frame
WAYS: Dict[str, Sequence[str]] = {
    "each frame alone (--blend 0)": ("--blend", "0"),
    "2015, --flow off": ("--flow", "off"),
    "along the flow": (),
    "2015, --flow off --blend 0.75": ("--flow", "off", "--blend", "0.75"),
    "along the flow, --blend 0.75": ("--blend", "0.75"),
    "along the flow, --blend 0.9": ("--blend", "0.9"),
}


def clips(size: Tuple[int, int], count: int) -> Iterator[Tuple[str, List[Moment]]]:
    """The clips by name; size: width and height."""
    with Image.open(ROOT / "examples" / "clouds.jpg") as image:
        larger = [round(side * 1.1 + abs(step) * count) for side, step in zip(size, PAN)]
        picture = np.asarray(image.convert("RGB").resize(larger, Image.Resampling.LANCZOS))
    yield "pan", list(pan(picture, size, count, PAN))
    yield "shapes", list(shapes(size, count))


def mean_flicker(frames: Sequence[np.ndarray], clip: Sequence[Moment]) -> float:
    """Levels, the mean over all pairs of frames."""
    pairs = zip(frames, frames[1:], clip[1:])
    return float(np.mean([flicker(before, frame, moment.flow, moment.seen) for before, frame, moment in pairs]))


def dreamt(clip: Sequence[Moment], options: Sequence[str]) -> Tuple[List[np.ndarray], float]:
    """What `dreamify video` makes of a clip, and its seconds a frame."""
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder) / "clip", Path(folder) / "dream"
        source.mkdir()
        for number, moment in enumerate(clip):
            Image.fromarray(moment.frame).save(source / f"{number:04}.png")
        if dreamify(["video", str(source), str(target), "--seed", "0", *options]):
            raise SystemExit("dreamify video failed")
        paths = sorted(target.iterdir())
        written = [path.stat().st_mtime for path in paths]
        seconds = (written[-1] - written[0]) / (len(paths) - 1)
        return [np.asarray(Image.open(path)) for path in paths], seconds


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", default="640x360")
    parser.add_argument("--frames", type=int, default=12)
    parser.add_argument("--pictures", type=Path)
    args, options = parser.parse_known_args()
    width, height = map(int, args.size.split("x"))
    print(f"{'clip':8} {'way':32} {'flicker':>8} {'difference from the film':>25} {'s a frame':>10}", flush=True)
    for name, clip in clips((width, height), args.frames):
        film = [moment.frame for moment in clip]
        print(f"{name:8} {'the film itself':32} {mean_flicker(film, clip):8.2f}", flush=True)
        rows = [film[-3:]]
        for way, own in WAYS.items():
            frames, seconds = dreamt(clip, [*own, *options])
            away = np.mean([np.abs(np.float32(frame) - shown).mean() for frame, shown in zip(frames, film)])
            print(f"{name:8} {way:32} {mean_flicker(frames, clip):8.2f} {away:25.2f} {seconds:10.2f}", flush=True)
            rows.append(frames[-3:])
        if args.pictures:
            args.pictures.mkdir(exist_ok=True)
            strip = np.concatenate([np.concatenate(row, axis=1) for row in rows])
            Image.fromarray(strip).save(args.pictures / f"{name}.png")


if __name__ == "__main__":
    start = time.perf_counter()
    main()
    print(f"{time.perf_counter() - start:.0f} s")
