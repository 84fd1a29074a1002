"""How many threads this process may use."""

import os
from functools import cache


@cache
def available_threads() -> int:
    """NUMBA_NUM_THREADS if it is set, else the CPUs that affinity and quota leave."""
    if given := os.environ.get("NUMBA_NUM_THREADS", ""):
        return max(1, int(given))
    if hasattr(os, "sched_getaffinity"):
        count = len(os.sched_getaffinity(0))
    else:
        count = os.cpu_count() or 1
    try:
        with open("/sys/fs/cgroup/cpu.max", encoding="ascii") as file:
            quota, period = file.read().split()
    except (OSError, ValueError):
        return count
    if quota == "max":
        return count
    return max(1, min(count, int(quota) // int(period)))
