"""How much memory a cell took, and how much there is."""

__all__ = ["available_memory", "fresh_peak", "peak_memory"]

import ctypes
import gc
import sys
from contextlib import suppress
from pathlib import Path


def fresh_peak() -> int:
    """Gives back what earlier cells left, and begins a new peak; the memory that this process holds now, in bytes.

    Where the system keeps one peak for the life of a process, that one.
    """
    gc.collect()
    with suppress(AttributeError, OSError):  # another C library than glibc
        ctypes.CDLL(None).malloc_trim(0)
    with suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")
    return peak_memory()


def peak_memory() -> int:
    """The most memory that this process held since :func:`fresh_peak`, in bytes; 0 where the system does not tell."""
    with suppress(OSError, KeyError):
        return kilobytes("/proc/self/status", "VmHWM")
    try:
        import resource
    except ImportError:  # Windows
        return 0
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def available_memory() -> int | None:
    """The memory that new processes may take, in bytes, where the system, or its container, tells."""
    found = []
    with suppress(OSError, KeyError):
        found.append(kilobytes("/proc/meminfo", "MemAvailable"))
    with suppress(OSError, ValueError):  # without a limit the file says "max"
        group = Path("/sys/fs/cgroup")
        limit, used = (int((group / f"memory.{name}").read_text()) for name in ("max", "current"))
        found.append(max(0, limit - used))
    return min(found, default=None)


def kilobytes(path: str, name: str) -> int:
    """A line such as ``MemAvailable: 1024 kB``, in bytes."""
    lines = (line.split() for line in Path(path).read_text().splitlines())
    return {line[0].rstrip(":"): int(line[1]) for line in lines if line[-1] == "kB"}[name] * 1024
