"""`qd8 demo`: handwritten digits in three precisions, with nothing to download.

digits    the two model files and the held-out images that ship with the package
measure   answers, times and bits of each precision, as a table
picture   the images with their answers, as a PNG
report    runs all of it and writes the results
"""

from .report import run_demo

__all__ = ["run_demo"]
