"""An endpoint that costs next to nothing: pages from files, each answer after a pause. A process of its own.

    python pipeline_endpoint.py FOLDER MILLISECONDS

It prints the port that it serves on, on loopback, and lives as long as its standard input stays open. Bodies go
from the page cache to the socket inside the kernel (sendfile): it shares two cores with what is measured.
`GET /answered` tells how many pages it has answered, and how many of them were the last of their window.
"""

import asyncio
import json
import sys
from datetime import datetime
from email.utils import formatdate
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

_HEAD = (
    "HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nContent-Length: {length}\r\nDate: {date}\r\n"
    "Connection: keep-alive\r\n\r\n"
)
_LIMIT = 64 * 1024


class Endpoint:
    """Answers `?from=…&to=…` with the first page of a window, `?window=…&page=…` with any."""

    def __init__(self, folder: Path, latency: float) -> None:
        self._folder = folder
        self._latency = latency
        self._first_day = datetime.fromisoformat("2026-01-01T00:00:00+00:00")
        self.answered = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection, request after request."""
        try:
            while request := await reader.readuntil(b"\r\n\r\n"):
                await self._answer(request.split(b" ", 2)[1].decode(), writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass  # the client is done
        finally:
            writer.close()

    async def _answer(self, target: str, writer: asyncio.StreamWriter) -> None:
        asked = urlsplit(target)
        if asked.path == "/answered":
            body = json.dumps({"pages": self.answered}).encode()
            self._write_head(writer, "application/json", len(body))
            writer.write(body)
            return
        await asyncio.sleep(self._latency)
        page = self._folder / self._page(parse_qs(asked.query))
        with page.open("rb") as file:
            self._write_head(writer, "application/xml", page.stat().st_size)
            await writer.drain()
            await asyncio.get_running_loop().sendfile(writer.transport, file)
        self.answered += 1

    def _page(self, query: dict[str, list[str]]) -> str:
        if "window" in query:
            return f"{int(query['window'][0])}-{int(query['page'][0])}.xml"
        # Asked for from a little earlier: the request is widened to the resolution of the server's clock.
        middle = datetime.fromisoformat(query["to"][0]) - datetime.fromisoformat(query["from"][0])
        moment = datetime.fromisoformat(query["from"][0]) + middle / 2
        return f"{(moment - self._first_day).days}-0.xml"

    def _write_head(self, writer: asyncio.StreamWriter, kind: str, length: int) -> None:
        writer.write(_HEAD.format(kind=kind, length=length, date=formatdate(usegmt=True)).encode())


async def main() -> None:
    endpoint = Endpoint(Path(sys.argv[1]), int(sys.argv[2]) / 1000)
    server = await asyncio.start_server(endpoint.serve, "127.0.0.1", 0, limit=_LIMIT)
    print(server.sockets[0].getsockname()[1], flush=True)
    await asyncio.to_thread(sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(main())
