"""`python -m local.endpoint --port P --certificate F --key F [--items N] [--seed N] [--data FOLDER]`.

Prints one line of JSON, `{"ready": true, "url": …, "families": […], "items": n}`, when it serves; SIGTERM or
SIGINT stops it. Port 0 is any free one.
"""

import argparse
import json
import os
import signal
import threading
from pathlib import Path

from local.endpoint.endpoint import Endpoint
from local.endpoint.server import Server
from local.endpoint.world import World

_STOP = {signal.SIGTERM, signal.SIGINT}


def main() -> None:
    options = _options()
    # Blocked before any thread starts, so that none but sigwait below receives them.
    signal.pthread_sigmask(signal.SIG_BLOCK, _STOP)
    endpoint = Endpoint(World(options.seed, options.items), options.data)
    with Server(endpoint, options.port, options.certificate, options.key) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        ready = {"ready": True, "url": server.url, "families": endpoint.families, "items": options.items}
        print(json.dumps(ready), flush=True)
        signal.sigwait(_STOP)
        server.shutdown()


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="local.endpoint", description="Serve EWM and recorded XML over TLS."
    )
    parser.add_argument("--port", type=int, required=True, help="of 127.0.0.1; 0 for any free one")
    parser.add_argument("--certificate", type=Path, required=True, help="PEM, for 127.0.0.1")
    parser.add_argument("--key", type=Path, required=True, help="PEM")
    parser.add_argument("--items", type=int, default=5000, help="work items at the start")
    parser.add_argument("--seed", type=int, default=1, help="of the made-up work items")
    parser.add_argument("--data", type=Path, default=_default_data(), help="folder of recorded responses")
    return parser.parse_args()


def _default_data() -> Path:
    checkout = Path(__file__).resolve().parents[3]
    return Path(os.environ.get("XMLIFT_DATA") or checkout.parent / "shared" / "data")


if __name__ == "__main__":
    main()
