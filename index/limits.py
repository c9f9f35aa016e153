"""What reading one file may take, and the limits that a process can give itself."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass

_MOST_MEMORY = 4 << 30
_LEAST_MEMORY = 1 << 30


def memory_share(workers: int) -> int:
    """Bytes that each of ``workers`` processes may use: together half of the memory, each 1 to 4 GiB."""
    try:
        physical = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):  # not on Windows
        return _MOST_MEMORY
    return max(_LEAST_MEMORY, min(_MOST_MEMORY, physical // 2 // workers))


@dataclass(frozen=True, slots=True)
class Limits:
    """What a process that reads files may take; a file that needs more fails with a sentence.

    The sizes of files and archives have their limits where they are read: ``index.load`` and
    ``index.formats``.
    """

    seconds: float = 60.0  # for one file, or, where pages are recognised (OCR), for each of them
    seconds_per_mb: float = 2.0  # on top, so that a large file has the time that it needs
    memory_bytes: int = _MOST_MEMORY  # of address space; systems other than Linux do not hold to it
    text_bytes: int = 250_000_000  # of extracted text, in UTF-8

    def seconds_for(self, size: int) -> float:
        """How long a file of ``size`` bytes may take without a sign of life."""
        return self.seconds + self.seconds_per_mb * size / 1e6


def limit_memory(memory_bytes: int) -> None:
    """Hold this process, and those that it starts, to so much address space; and let it dump no core."""
    if sys.platform == "win32":
        return
    import resource

    _, most = resource.getrlimit(resource.RLIMIT_AS)
    least = memory_bytes if most == resource.RLIM_INFINITY else min(memory_bytes, most)
    try:
        resource.setrlimit(resource.RLIMIT_AS, (least, most))
    except (ValueError, OSError):  # macOS refuses; the limits of time and size still hold
        return
    finally:
        resource.setrlimit(resource.RLIMIT_CORE, (0, resource.getrlimit(resource.RLIMIT_CORE)[1]))
