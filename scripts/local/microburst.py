"""microburst before the emulator: `python -m local.microburst UPSTREAM PORT`.

It answers for AWS at http://127.0.0.1:PORT, and does to answers what its rules say; they are set at
`/_microburst/rules`. Prints one line of JSON when it serves, and ends with its standard input.
"""

import json
import os
import signal
import sys
import threading
import time
import urllib.error
import urllib.request

from aiohttp import web
from microburst import cli
from microburst.forward import Upstream


def main() -> None:
    upstream, port = sys.argv[1:]
    keep_host()
    threading.Thread(target=_end_with_standard_input, daemon=True).start()
    threading.Thread(target=_announce, args=(port,), daemon=True).start()
    sys.exit(cli.main(["--upstream", upstream, "--port", port]))


def keep_host() -> None:
    """Pass the Host header on as it came: the signature covers it, and the emulator checks signatures.

    A private place of microburst's, whose version is pinned; without it every function would be refused.
    """
    outbound = Upstream._outbound_headers

    def with_host(upstream: Upstream, request: web.Request) -> dict[str, str]:
        return outbound(upstream, request) | {"host": request.host}

    Upstream._outbound_headers = with_host  # type: ignore[method-assign]


def _end_with_standard_input() -> None:
    while os.read(sys.stdin.fileno(), 1024):
        continue
    os.kill(os.getpid(), signal.SIGKILL)


def _announce(port: str) -> None:
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    while True:
        try:
            with opener.open(f"http://127.0.0.1:{port}/_microburst/health", timeout=5):
                break
        except (urllib.error.URLError, OSError):
            time.sleep(0.02)  # nothing announces that a port is served
    print(json.dumps({"ready": True}), flush=True)


if __name__ == "__main__":
    main()
