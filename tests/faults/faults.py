"""All faults: importing their modules registers them."""

from tests.faults import network, processes, revocations, services, storage, visitors
from tests.faults.registry import Fault

MODULES = (network, processes, revocations, services, storage, visitors)


def names() -> list[str]:
    return sorted(Fault.known)
