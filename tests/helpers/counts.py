"""What the tests of faults and the fuzzer have tried, and what came of it: printed at the end of a run of the tests."""

from collections import Counter

COUNTS: Counter = Counter()  # by (what was tried, outcome)


def lines():
    """A line for each thing that was tried."""
    for kind in dict.fromkeys(kind for kind, _ in COUNTS):
        numbers = (f"{number} {outcome}" for (other, outcome), number in COUNTS.items() if other == kind)
        yield f"{kind}: {', '.join(numbers)}"
