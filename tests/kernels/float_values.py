"""Numbers at which a float kernel that is almost right gives other bits."""

import numpy as np
import numpy.typing as npt

from qd8.kernels import launch

# Odd bits, so that a stray store or an unwritten element shows.
CANARY = {np.dtype(np.float32): 1234.5678, np.dtype(np.float16): -1234.0}
CANARY |= {np.dtype(f"i{size}"): 0x55 << 8 * (size - 1) for size in (1, 4, 8)}
CANARY |= {np.dtype(np.int16): 0x5555, np.dtype(np.uint8): 0x55}
CANARY |= {np.dtype(np.bool_): True}


def floats(seed: int, *shape: int, dtype: npt.DTypeLike = np.float32) -> npt.NDArray:
    """Finite numbers of both signs whose sums and products round, underflow and tie.

    An eighth each are subnormal, zeros of both signs, and small integers.
    """
    rng = np.random.default_rng(seed)
    info = np.finfo(dtype)
    reach = 8 if info.bits == 32 else 3
    x = rng.normal(size=shape) * np.exp2(rng.integers(-reach, reach, shape))
    choice = rng.integers(0, 8, shape)
    tiny = rng.integers(-1000, 1000, shape) * float(info.smallest_subnormal)
    x = np.where(choice == 0, tiny, x)
    x = np.where(choice == 1, np.copysign(0.0, x), x)
    x = np.where(choice == 2, rng.integers(-3, 4, shape), x)
    return np.asarray(x, dtype)


def wild(seed: int, *shape: int, dtype: npt.DTypeLike = np.float32) -> npt.NDArray:
    """``floats`` with NaN, infinities and the largest numbers here and there."""
    rng = np.random.default_rng(seed + 1)
    x = floats(seed, *shape, dtype=dtype)
    largest = float(np.finfo(dtype).max)
    special = rng.choice([np.nan, np.inf, -np.inf, largest, -largest], shape)
    return np.where(rng.random(shape) < 0.03, special, x).astype(dtype)


def anything(seed: int, *shape: int, dtype: npt.DTypeLike = np.float32) -> npt.NDArray:
    """``wild`` floats; integers of all sizes, the extremes often; or booleans."""
    dtype = np.dtype(dtype)
    if dtype.kind == "f":
        return np.asarray(wild(seed, *shape, dtype=dtype))
    rng = np.random.default_rng(seed)
    if dtype.kind == "b":
        return np.asarray(rng.random(shape) < 0.5)
    info = np.iinfo(dtype)
    x = rng.integers(info.min, info.max, shape, dtype, endpoint=True)
    x >>= rng.integers(0, info.bits, shape, dtype)
    extremes = rng.choice(np.array([info.min, info.max, 0, 1], dtype), shape)
    return np.asarray(np.where(rng.random(shape) < 0.2, extremes, x))


def output(shape: tuple[int, ...], dtype: npt.DTypeLike) -> npt.NDArray:
    """An array to write, with canaries before and behind it."""
    size = int(np.prod(shape))
    room = np.full(size + 64, CANARY[np.dtype(dtype)], dtype)
    return room[32 : 32 + size].reshape(shape)


def run(calls: list[launch.Call], out: npt.NDArray) -> npt.NDArray:
    """``out`` after the calls, which wrote nothing beside it."""
    launch.run(calls)
    room = out.base
    canary = room.dtype.type(CANARY[room.dtype])
    assert (room[:32] == canary).all(), "written in front of the output"
    assert (room[32 + out.size :] == canary).all(), "written behind the output"
    return out
