"""How each server of the local cloud is started: command line and environment, nothing else."""

import json
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from local.environment import NOWHERE, with_package_path
from local.instance import Account, Instance
from operate.places import ROOT


@dataclass(frozen=True)
class Options:
    """What the servers of one instance are started with."""

    instance: Instance
    ports: dict[str, int]
    items: int
    data: Path | None
    # Put microburst before the emulator, and let the state machine wait a twentieth of its time between tries.
    faults: bool = False
    account: Account = field(default_factory=Account)


@dataclass(frozen=True)
class Server:
    """One child of the supervisor."""

    name: str
    command: Callable[[Options], list[str]]
    environment: Callable[[Options], dict[str, str]]
    # Seconds that it gets to stop by itself.
    patience: float = 10.0


def url(ports: dict[str, int], name: str) -> str:
    return f"https://127.0.0.1:{ports[name]}"


def client_variables(instance: Instance, ports: dict[str, int]) -> dict[str, str]:
    """What an AWS SDK needs to reach this cloud and no other; credentials are not among it."""
    return {
        "AWS_ENDPOINT_URL": url(ports, "emulator"),
        "AWS_ENDPOINT_URL_REDSHIFT_SERVERLESS": url(ports, "warehouse_control"),
        "AWS_ENDPOINT_URL_REDSHIFT_DATA": url(ports, "warehouse_control"),
        "AWS_CA_BUNDLE": str(instance.ca_file),
        # A source's own server may be read too.
        "REQUESTS_CA_BUNDLE": str(instance.trusted_file),
        "NO_PROXY": "127.0.0.1,localhost",
        "no_proxy": "127.0.0.1,localhost",
    }


def _through_microburst(options: Options, name: str) -> dict[str, str]:
    """The variable by which an AWS SDK asks the proxy before the emulator, if there is one."""
    if not options.faults:
        return {}
    return {name: f"http://127.0.0.1:{options.ports['microburst']}"}


def _tls(options: Options) -> list[str]:
    tls = options.instance.tls
    return ["--certificate", str(tls / "server.pem"), "--key", str(tls / "server.key")]


def _emulator_command(options: Options) -> list[str]:
    settings = {
        "port": options.ports["emulator"],
        "ca_file": str(options.instance.ca_file),
        "interpreter": str(ROOT / ".venvs/lambda/bin/python"),
        "folder": str(options.instance.emulator),
        "variables": {
            **client_variables(options.instance, options.ports),
            **_through_microburst(options, "AWS_ENDPOINT_URL"),
            # An environment that is meant for AWS names the authorities that are in its packages.
            "XMLIFT_WAREHOUSE_CA": str(options.instance.ca_file),
        },
    }
    # -P: the folder of the launcher holds packages of ours that must not stand before the emulator's.
    launcher = Path(__file__).with_name("launcher.py")
    return [str(ROOT / ".venvs/ministack/bin/python"), "-P", str(launcher), json.dumps(settings)]


def _emulator_environment(options: Options) -> dict[str, str]:
    tls = options.instance.tls
    scratch = str(options.instance.emulator)
    return {
        **{name: os.environ[name] for name in ("PATH", "LANG", "LC_ALL") if name in os.environ},
        **NOWHERE,
        **options.account.credentials,
        "HOME": scratch,
        "TMPDIR": scratch,
        "S3_DATA_DIR": f"{scratch}/s3",
        "STATE_DIR": f"{scratch}/state",
        "GATEWAY_PORT": str(options.ports["emulator"]),
        "BIND_HOST": "127.0.0.1",
        "MINISTACK_HOST": "127.0.0.1",
        "MINISTACK_REGION": options.account.region,
        "MINISTACK_ACCOUNT_ID": options.account.id,
        "AUTH": "true",
        "USE_SSL": "1",
        "MINISTACK_SSL_CERT": str(tls / "server.pem"),
        "MINISTACK_SSL_KEY": str(tls / "server.key"),
        "IOT_MTLS_ENABLED": "0",
        "SFTP_ENABLED": "0",
        # At start and stop it removes containers that it takes for its own: it shall not find Docker at all.
        "DOCKER_HOST": f"unix://{scratch}/no-docker.sock",
        **({"SFN_WAIT_SCALE": "0.05"} if options.faults else {}),
        **client_variables(options.instance, options.ports),
    }


def _warehouse_command(options: Options) -> list[str]:
    return [
        *(sys.executable, "-m", "local.redshift"),
        *("--folder", str(options.instance.warehouse)),
        *("--control-port", str(options.ports["warehouse_control"])),
        *("--wire-port", str(options.ports["warehouse"])),
        *_tls(options),
        *("--ca", str(options.instance.ca_file)),
    ]


def _warehouse_environment(options: Options) -> dict[str, str]:
    variables = client_variables(options.instance, options.ports)
    # What COPY reads may go wrong too; who signed a request is asked of the emulator itself.
    variables |= _through_microburst(options, "AWS_ENDPOINT_URL_S3")
    variables |= {**options.account.credentials, "AWS_REGION": options.account.region}
    return with_package_path({**os.environ, **variables})


def _microburst_command(options: Options) -> list[str]:
    emulator = url(options.ports, "emulator")
    return [sys.executable, "-m", "local.microburst", emulator, str(options.ports["microburst"])]


def _microburst_environment(options: Options) -> dict[str, str]:
    # The one setting by which its client trusts another authority.
    return with_package_path({**os.environ, "SSL_CERT_FILE": str(options.instance.ca_file)})


def _endpoint_command(options: Options) -> list[str]:
    command = [sys.executable, "-m", "local.endpoint", "--port", str(options.ports["endpoint"])]
    command += [*_tls(options), "--items", str(options.items)]
    return command + (["--data", str(options.data)] if options.data else [])


def _endpoint_environment(_: Options) -> dict[str, str]:
    return with_package_path(os.environ)


# None needs another one to start; they are ended in the opposite order.
SERVERS = (
    # It keeps everything in memory, and would wait for idle connections.
    Server("ministack", _emulator_command, _emulator_environment, patience=0.5),
    Server("redshift", _warehouse_command, _warehouse_environment),
    Server("endpoint", _endpoint_command, _endpoint_environment),
)
MICROBURST = Server("microburst", _microburst_command, _microburst_environment, patience=0.5)
