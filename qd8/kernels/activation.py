"""Fused activations: every one of them is a clamp (R14, R20, R21, R23)."""

from math import inf

# name -> (lo, hi); none of them NaN or -0.0, which Emitter.clamp relies on.
BOUNDS: dict[str, tuple[float, float]] = {
    "none": (-inf, inf),
    "relu": (0.0, inf),
    "relu6": (0.0, 6.0),
    "relu_n1_to_1": (-1.0, 1.0),
}
