"""All faults: importing their modules registers them."""

from tests.faults import network, processes, services
from tests.faults.registry import Fault

MODULES = (network, processes, services)


def names() -> list[str]:
    return sorted(Fault.known)
