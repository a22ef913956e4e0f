"""A process that floods a server: `python benchmarks/flood.py URL SOCKETS SECONDS [MESSAGES]`.

Each socket, of a browser of its own that is not signed in, asks for runs as fast as the server takes the messages, or
for so many runs.
"""

from __future__ import annotations

import asyncio
import sys
import time
from contextlib import suppress

from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit_client import Visitor
from websockets.exceptions import ConnectionClosed

SIZE = 51_000
"""Bytes of one message."""


async def flood(url: str, until: float, messages: float) -> int:
    """Flood from one socket; return how many messages were taken."""
    message = BackMsg()
    message.rerun_script.widget_states.widgets.add(id="$$ID-0-name", string_value="x" * SIZE)
    data, sent = message.SerializeToString(), 0
    async with Visitor(url) as visitor:
        await visitor.get("/", accept="text/html")
        await visitor.connect()
        with suppress(ConnectionClosed, TimeoutError):
            while time.monotonic() < until and sent < messages:
                async with asyncio.timeout(max(0.01, until - time.monotonic())):
                    await visitor.send(data)
                sent += 1
                await asyncio.sleep(0)
            await asyncio.sleep(until - time.monotonic())  # what it asked for is still to be drawn
    return sent


async def main(url: str, sockets: int, seconds: float, messages: float = float("inf")) -> None:
    """Flood from several sockets at once."""
    until = time.monotonic() + seconds
    sent = await asyncio.gather(*(flood(url, until, messages) for _ in range(sockets)), return_exceptions=True)
    print(sum(each for each in sent if isinstance(each, int)), "messages were taken")


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[2]), *map(float, sys.argv[3:])))
