"""A mail server that takes every mail: `python -m bench.sink SECONDS`.

It lets each sender wait for SECONDS. It prints its port, then a line for each mail that it takes:
the moment, of `time.monotonic`.
"""

import asyncio
import sys
import time

from aiosmtpd.smtp import SMTP, Envelope, Session


class _Taker:
    """The handler that aiosmtpd calls."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds

    async def handle_DATA(self, _server: SMTP, _session: Session, _envelope: Envelope) -> str:  # noqa: N802
        if self._seconds:
            await asyncio.sleep(self._seconds)
        print(time.monotonic(), flush=True)
        return "250 taken"


async def serve(seconds: float) -> None:
    """Serves until the process ends."""
    taker = _Taker(seconds)
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: SMTP(taker), "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(serve(float(sys.argv[1])))
