"""A mail server in a process of its own: `python -m bench.sink SECONDS` takes every mail.

Prints its port, then a line for each mail: the moment (of `time.monotonic`) it was taken, after it
has let the sender wait for SECONDS.
"""

import asyncio
import sys
import time

from aiosmtpd.smtp import SMTP, Envelope, Session


class _Taker:
    """Aiosmtpd's hook."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds

    async def handle_DATA(self, _server: SMTP, _session: Session, _envelope: Envelope) -> str:  # noqa: N802
        if self._seconds:
            await asyncio.sleep(self._seconds)
        print(time.monotonic(), flush=True)
        return "250 taken"


async def serve(seconds: float) -> None:
    """Until it is ended."""
    taker = _Taker(seconds)
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: SMTP(taker), "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(serve(float(sys.argv[1])))
