"""Kinds of elements in memory, by the literals that kernels close over."""

F32, F16, I32, I16, I8, U8 = range(6)
LANES = 16  # of a vector in kernels that are plain loops (vector.py), and of R22
