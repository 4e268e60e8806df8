"""What processes use, by Linux' own account of them."""

import os
import signal
import subprocess
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

PROC = Path("/proc")
TICK_SECONDS = 1 / os.sysconf("SC_CLK_TCK")
PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")


def family(roots: Iterable[int]) -> set[int]:
    """Processes with all that descend from them."""
    parents: dict[int, list[int]] = {}
    for stat in PROC.glob("[0-9]*/stat"):
        with suppress(OSError):
            pid, parent = int(stat.parent.name), int(_after_name(stat)[1])
            parents.setdefault(parent, []).append(pid)
    found: set[int] = set()
    unseen = list(roots)
    while unseen:
        pid = unseen.pop()
        found.add(pid)
        unseen += parents.get(pid, [])
    return found


def cpu_seconds(roots: Iterable[int]) -> float:
    """Processor time of whole families so far, of members that have ended, too."""
    ticks = 0
    for pid in family(roots):
        with suppress(OSError):
            ticks += sum(map(int, _after_name(PROC / str(pid) / "stat")[11:15]))  # own and waited-for children's
    return ticks * TICK_SECONDS


def memory_bytes(roots: Iterable[int]) -> int:
    """Of whole families, what they share counted once (PSS)."""
    kilobytes = 0
    for pid in family(roots):
        with suppress(OSError):
            rollup = (PROC / str(pid) / "smaps_rollup").read_text()
            kilobytes += _kilobytes(rollup, "Pss:")
    return kilobytes * 1024


def kernel_bytes() -> int:
    """What the kernel holds of all programs on this machine: its tables (sockets, files) and bytes in TCP's buffers."""
    tables = _kilobytes((PROC / "meminfo").read_text(), "Slab:") * 1024
    tcp = next(line for line in (PROC / "net" / "sockstat").read_text().splitlines() if line.startswith("TCP:"))
    return tables + int(tcp.split()[-1]) * PAGE_BYTES


def end(process: "subprocess.Popen[bytes]") -> None:
    """Kills a process that was started in a session of its own, and all of its family there."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _after_name(stat: Path) -> list[str]:
    """The fields of /proc/PID/stat behind the program's name, which may hold anything."""
    return stat.read_text().rpartition(")")[2].split()


def _kilobytes(text: str, name: str) -> int:
    return sum(int(line.split()[1]) for line in text.splitlines() if line.startswith(name))
