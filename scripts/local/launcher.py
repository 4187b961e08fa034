"""Starts ministack so that Python functions run as they do on Lambda. Runs in ministack's own environment.

    python -P launcher.py SETTINGS

SETTINGS is JSON: `{"port": …, "ca_file": …, "interpreter": …, "folder": …, "variables": {…}}`.

ministack's own Python worker loses INFO logs and reports every exception as `Runtime.HandlerError`. Its
worker for `provided.*` runtimes speaks the real Runtime API, so Python functions are routed to that one, with
AWS's runtime client (`awslambdaric`) as their bootstrap. The places replaced here are private to ministack:
its version is pinned, and `tests/local/cloud/test_launcher.py` watches over what they are for.

SIGUSR1 ends every call whose process is stopped, as if its time-out had come; the process is left alone, a zombie.

Prints one line of JSON when it serves, and lives as long as its standard input stays open, so that functions
never outlive the one who started them.
"""

import json
import os
import re
import signal
import ssl
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from ministack import app
from ministack.core import iam_evaluator, lambda_runtime
from ministack.services import ec2, lambda_svc, stepfunctions

MINISTACK = "1.5.33"

# What ministack sets for a function and Lambda does too. Everything else in its environment is its own.
PLATFORM = {
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "AWS_REGION",
    "AWS_DEFAULT_REGION",
    "AWS_LAMBDA_RUNTIME_API",
    "AWS_LAMBDA_FUNCTION_NAME",
    "AWS_LAMBDA_FUNCTION_MEMORY_SIZE",
    "AWS_LAMBDA_FUNCTION_VERSION",
    "AWS_LAMBDA_LOG_STREAM_NAME",
    "LAMBDA_TASK_ROOT",
    "_HANDLER",
}

# RLIMIT_DATA counts what a process allocates for itself, not shared libraries: nearest to Lambda's limit
# of all that needs no root. macOS accepts it and does not enforce it.
BOOTSTRAP = """#!/bin/sh
ulimit -d $((AWS_LAMBDA_FUNCTION_MEMORY_SIZE * 1024)) 2>/dev/null
exec '{interpreter}' -m awslambdaric "$_HANDLER"
"""


@dataclass(frozen=True)
class Settings:
    """What the supervisor says: `variables` reach every function, `folder` holds their temporary files."""

    port: int
    ca_file: str
    interpreter: str
    folder: str
    variables: dict[str, str]


def main() -> None:
    settings = Settings(**json.loads(sys.argv[1]))
    if (found := version("ministack")) != MINISTACK:
        sys.exit(f"ministack is {found}, the launcher was written for {MINISTACK}: run `make setup`")
    # The process group is the supervisor's to end; this ends it when the supervisor itself was killed.
    threading.Thread(target=_end_with_standard_input, daemon=True).start()
    threading.Thread(target=_announce, args=(settings,), daemon=True).start()
    route_python_to_runtime_api(settings)
    keep_prefix_lists_of_rules()
    bound_maps_by_their_path()
    tell_the_warehouse_who_signed()
    ask_roles(settings)
    fill_gaps()
    signal.signal(signal.SIGUSR1, lambda *_: threading.Thread(target=time_out_stopped_calls).start())
    sys.argv = ["ministack"]
    app.main()


def route_python_to_runtime_api(settings: Settings) -> None:
    """Replace ministack's private places that decide how a Python function is run."""
    worker_class_for = lambda_runtime._worker_class_for
    execute_warm = lambda_svc._execute_function_warm
    unpack = lambda_svc._provided_runtime_code_dir
    environment_of = lambda_svc._provided_worker_env

    def python_worker_class_for(config: dict[str, Any]) -> type:
        return lambda_runtime.ProvidedWorker if _is_python(config) else worker_class_for(config)

    def execute_python_warm(func: dict[str, Any], event: Any, request_id: str) -> dict[str, Any]:
        execute = lambda_svc._execute_function_provided_warm if _is_python(func) else execute_warm
        return execute(func, event, request_id)

    def unpack_with_bootstrap(code_zip: bytes) -> str:
        folder = unpack(code_zip)
        _write_bootstrap(Path(folder) / "bootstrap", settings.interpreter)
        return folder

    def lambda_environment(config: dict[str, Any], code_dir: str, port: int) -> dict[str, str]:
        return function_environment(config, environment_of(config, code_dir, port), settings)

    lambda_runtime._worker_class_for = python_worker_class_for
    lambda_svc._execute_function_warm = execute_python_warm
    lambda_svc._provided_runtime_code_dir = unpack_with_bootstrap
    lambda_svc._provided_worker_env = lambda_environment
    # Lambda gives a function's initialisation 10 s on cores of its own; here eight may share two cores.
    lambda_runtime._PROVIDED_INIT_TIMEOUT = 60.0
    # With TLS, ministack also listens on port 443 where it may. That port is none of our business.
    app._port_is_bindable = lambda *_: False


def keep_prefix_lists_of_rules() -> None:
    """Make ministack keep the prefix list that a security group's rule names.

    It forgets it, and Terraform's provider then fails to plan ("Provider produced invalid plan"): a rule whose
    target is gone is more than drift that could be listed.
    """
    parse, rule_xml = ec2._parse_ip_permissions, ec2._sg_rule_xml

    def parse_with_prefix_lists(params: dict[str, Any], prefix: str) -> list[dict[str, Any]]:
        rules = parse(params, prefix)
        for number, rule in enumerate(rules, start=1):
            entry = f"{prefix}.{number}.PrefixListIds.1"
            if prefix_list := ec2._p(params, f"{entry}.PrefixListId"):
                description = ec2._p(params, f"{entry}.Description")
                rule["PrefixListIds"] = [{"PrefixListId": prefix_list, "Description": description}]
        return rules

    def rule_xml_with_prefix_list(group: str, rule: dict[str, Any], is_egress: bool = False) -> str:
        xml = rule_xml(group, rule, is_egress)
        for entry in rule.get("PrefixListIds", []):
            xml = xml.replace("</toPort>", f"</toPort><prefixListId>{entry['PrefixListId']}</prefixListId>")
        return xml

    ec2._parse_ip_permissions = parse_with_prefix_lists
    ec2._sg_rule_xml = rule_xml_with_prefix_list


def bound_maps_by_their_path() -> None:
    """Make ministack keep `MaxConcurrencyPath` of a distributed Map.

    It knows the number alone, and reads sixty-four items at once where a path says how many may be.
    """
    run_map = stepfunctions._run_distributed_map

    def run_bounded_map(
        state: dict[str, Any], raw_input: Any, effective: Any, iterator: Any, execution: Any, context: Any
    ) -> Any:
        if path := state.get("MaxConcurrencyPath"):
            bound = stepfunctions._resolve_path_or_ctx(path, effective, context)
            state = state | {"MaxConcurrency": bound}
        return run_map(state, raw_input, effective, iterator, execution, context)

    stepfunctions._run_distributed_map = run_bounded_map


def tell_the_warehouse_who_signed() -> None:
    """Make ministack answer for the services that the warehouse's stand-in serves: whose the signature is."""

    async def who(
        method: str, path: str, headers: dict[str, str], body: bytes, query_params: dict[str, Any]
    ) -> tuple[int, dict[str, str], bytes]:
        signed = {"signed_by": iam_evaluator.request_caller_arn(headers, query_params)}
        return 200, {"Content-Type": "application/json"}, json.dumps(signed).encode()

    for service in ("redshift-serverless", "redshift-data"):
        app.SERVICE_HANDLERS[service] = who


def ask_roles(settings: Settings) -> None:
    """Make ministack ask the roles that services work with, and the keys: see enforcement.py."""
    # Last, so that nothing of ours stands before what is the emulator's.
    sys.path.append(str(Path(__file__).resolve().parent.parent))
    from local.enforcement import enforce  # noqa: PLC0415 (not to be found before)

    enforce(Path(settings.folder).parent / "calls.jsonl")


def fill_gaps() -> None:
    """Make ministack know what it does not: see conditions.py, sampling.py and versions.py."""
    from local.conditions import tell_conditions  # noqa: PLC0415 (not to be found before)
    from local.sampling import serve_sampling_rules  # noqa: PLC0415
    from local.versions import run_versions  # noqa: PLC0415

    tell_conditions()
    serve_sampling_rules()
    run_versions()


def time_out_stopped_calls() -> None:
    """Answer the calls of stopped processes with Lambda's time-out, and forget those environments; idle ones go on.

    Whoever stopped a process (SIGSTOP) decides what becomes of it: killed, it was a time-out; continued, it is
    what a network partition leaves behind, at work on what its successor has taken over.
    """
    with lambda_runtime._lock:
        workers = [worker for pool in lambda_runtime._workers.values() for worker in pool]
    for worker in workers:
        process = worker._proc
        if process is None or not _is_stopped(process.pid):
            continue
        if not worker.in_use:
            os.kill(process.pid, signal.SIGCONT)
            continue
        seconds = worker.config.get("Timeout", 30)
        failure = {
            "errorMessage": f"Task timed out after {seconds}.00 seconds",
            "errorType": "Sandbox.Timedout",
        }
        worker._proc = None  # the next call gets a process of its own
        worker._record_result(worker._generation, worker._current_request_id, "error", failure)


def _is_stopped(pid: int) -> bool:
    told = subprocess.run(["ps", "-o", "state=", "-p", str(pid)], capture_output=True, text=True, check=False)
    return told.stdout.strip().startswith("T")


def function_environment(
    config: dict[str, Any], emulated: dict[str, str], settings: Settings
) -> dict[str, str]:
    """The environment of one execution environment, as Lambda makes it: nothing of the emulator's gets in."""
    own = (config.get("Environment") or {}).get("Variables") or {}
    environment = {name: emulated[name] for name in (*PLATFORM, *own) if name in emulated}
    name = config.get("FunctionName", "unknown")
    private = tempfile.mkdtemp(prefix=f"{name}-", dir=settings.folder)
    logging = config.get("LoggingConfig") or {}
    environment |= {
        "PATH": "/usr/local/bin:/usr/bin:/bin",
        "LANG": "en_US.UTF-8",
        "TZ": ":UTC",
        "HOME": private,
        "TMPDIR": private,
        "PYTHONPATH": emulated["LAMBDA_TASK_ROOT"],
        "AWS_EXECUTION_ENV": f"AWS_Lambda_{config.get('Runtime', 'python')}",
        "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
        "AWS_LAMBDA_LOG_GROUP_NAME": logging.get("LogGroup") or f"/aws/lambda/{name}",
        "AWS_LAMBDA_LOG_FORMAT": logging.get("LogFormat") or "Text",
    }
    if level := logging.get("ApplicationLogLevel"):
        environment["AWS_LAMBDA_LOG_LEVEL"] = level
    # Of a function's own variables those are replaced that it has; the others are the platform's.
    ours = {name for name in settings.variables if name.startswith("XMLIFT_")} - environment.keys()
    return environment | {name: value for name, value in settings.variables.items() if name not in ours}


def _is_python(config: dict[str, Any]) -> bool:
    runtime = (config.get("config") or config).get("Runtime")
    return re.match(r"python\d", str(runtime or "")) is not None


def _write_bootstrap(path: Path, interpreter: str) -> None:
    """Put the bootstrap into the unpacked code.

    Under ministack's lock: a process forked meanwhile would hold the file open for writing, and the system
    executes no such file ("Text file busy").
    """
    with lambda_svc._provided_code_lock:
        if not path.exists():
            path.write_text(BOOTSTRAP.format(interpreter=interpreter))
            path.chmod(0o755)


def _end_with_standard_input() -> None:
    while os.read(sys.stdin.fileno(), 1024):
        continue
    os.killpg(os.getpgrp(), signal.SIGKILL)


def _announce(settings: Settings) -> None:
    """Print one line once the health page answers; the supervisor waits for the line, not for a time."""
    health = f"https://127.0.0.1:{settings.port}/_ministack/health"
    trust = ssl.create_default_context(cafile=settings.ca_file)
    opener = urllib.request.build_opener(
        urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=trust)
    )
    while True:
        try:
            with opener.open(health, timeout=5):
                break
        except (urllib.error.URLError, OSError):
            time.sleep(0.02)  # nothing announces that a port is served
    print(json.dumps({"ready": True, "url": f"https://127.0.0.1:{settings.port}"}), flush=True)


if __name__ == "__main__":
    main()
