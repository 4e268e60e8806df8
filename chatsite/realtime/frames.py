"""WebSocket frames (RFC 6455, 5.2) of the one kind that nearly all are: a whole text."""

FINAL_TEXT = 0x81
MASKED = 0x80
PAYLOAD_IN_16_BITS, PAYLOAD_IN_64_BITS = 126, 127
MASK_BYTES = 4


def framed(text: str) -> bytes:
    """A text as a server sends it."""
    payload = text.encode()
    size = len(payload)
    if size < PAYLOAD_IN_16_BITS:
        return bytes((FINAL_TEXT, size)) + payload
    if size < 1 << 16:
        return bytes((FINAL_TEXT, PAYLOAD_IN_16_BITS)) + size.to_bytes(2) + payload
    return bytes((FINAL_TEXT, PAYLOAD_IN_64_BITS)) + size.to_bytes(8) + payload


def whole_text(data: bytes) -> tuple[str, int] | None:
    """The text that what a client sent begins with, and how many bytes that took.

    None for anything else, for what isn't all there, what is 64 KiB or longer and what is wrong: that is
    left to a parser of the whole protocol, which needs ten times as long.
    """
    if len(data) < 2 + MASK_BYTES or data[0] != FINAL_TEXT or data[1] < MASKED:
        return None
    size, start = data[1] - MASKED, 2
    if size == PAYLOAD_IN_16_BITS:
        size, start = int.from_bytes(data[2:4]), 4
        if size < PAYLOAD_IN_16_BITS:
            return None
    elif size == PAYLOAD_IN_64_BITS:
        return None
    end = start + MASK_BYTES + size
    if end > len(data):
        return None
    try:
        return _unmasked(data[start : start + MASK_BYTES], data[start + MASK_BYTES : end]).decode(), end
    except UnicodeDecodeError:
        return None


def _unmasked(mask: bytes, payload: bytes) -> bytes:
    """All bytes at once, as one large number: a loop over them would take far longer."""
    size = len(payload)
    repeated = (mask * (size // MASK_BYTES + 1))[:size]
    return (int.from_bytes(payload) ^ int.from_bytes(repeated)).to_bytes(size)
