"""Faults of the network between clients and site."""

import asyncio

from tests.faults.registry import Context, fault


@fault(essential=True)
async def reset_connections(context: Context) -> None:
    for link in context.proxy.some(context.rng, 0.4):
        link.reset()


@fault(essential=True)
async def reconnect_storm(context: Context) -> None:
    """Everybody at once."""
    for link in list(context.proxy.links):
        link.reset()


@fault(essential=True)
async def half_open(context: Context) -> None:
    """Some connections swallow everything both ways, and no end is told."""
    links = context.proxy.some(context.rng, 0.3)
    for link in links:
        link.swallowing = True
    await asyncio.sleep(context.crowd.pace.silence * context.rng.uniform(0.5, 1.2))
    for link in links:
        link.reset()


@fault(essential=True)
async def lost_acks(context: Context) -> None:
    """The site has written the reply to a post, and the connection ends before it arrives."""
    links = context.proxy.some(context.rng, 0.5)
    for link in links:
        link.drop_ack = True
    await context.wait(3, 10, 2)
    for link in links:
        link.drop_ack = False


@fault()
async def split_bytes(context: Context) -> None:
    """Each byte comes by itself."""
    links = context.proxy.some(context.rng, 0.3)
    for link in links:
        link.split = True
    await context.wait(4, 12, 2)
    for link in links:
        link.split = False


@fault()
async def slow_network(context: Context) -> None:
    links = context.proxy.some(context.rng, 0.5)
    for link in links:
        link.delay = context.rng.uniform(0.05, 0.8)
    await context.wait(4, 12, 2)
    for link in links:
        link.delay = 0.0
