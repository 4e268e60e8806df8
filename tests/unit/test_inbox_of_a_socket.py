"""What waits for a socket's application: taken in order, by turns with all else that the loop has to do."""

import asyncio

from chatsite.sockets import MESSAGES_PER_TURN, Inbox

MANY = MESSAGES_PER_TURN * 8


async def test_a_full_one_keeps_nobody_from_their_turn() -> None:
    inbox = Inbox(max_frames=MANY, max_bytes=MANY)
    taken: list[str] = []
    turns = 0

    async def others() -> None:
        nonlocal turns
        while len(taken) < MANY:
            turns += 1
            await asyncio.sleep(0)

    for number in range(MANY):
        inbox.put_nowait({"type": "websocket.receive", "text": str(number)})
    waiting = asyncio.create_task(others())
    while len(taken) < MANY:
        taken.append((await inbox.get())["text"])
    await waiting
    assert taken == [str(number) for number in range(MANY)]
    assert turns >= MANY / MESSAGES_PER_TURN - 1
