"""Damaged prototxts, caffemodels and pictures by the thousand: `python -m tests.fuzz` (see its --help).

Each case is drawn from its own number, so that it can be had again: `--kind prototxt --only 1234`. hunt.py runs the
cases, damage.py damages, and prototxts.py, caffemodels.py and pictures.py say what of, and what is run on it.
"""
