"""Each zip holds all that its function imports and every client that it creates: proved without the rest
of this environment, and without a network."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest
from botocore import xform_name
from botocore.session import get_session

from contents import SERVICES
from sdk_data import OPERATIONS

from .reachable_code import FUNCTIONS, Part, code_run

# As Terraform sets it for the functions, all variables of all of them.
FUNCTION_ENVIRONMENT = {
    "POWERTOOLS_SERVICE_NAME": "test",
    "POWERTOOLS_METRICS_NAMESPACE": "xmlift",
    "XMLIFT_ENVIRONMENT": "test",
    "XMLIFT_BUCKET": "bucket",
    "XMLIFT_EXTRACT_CONCURRENCY": "8",
    "XMLIFT_SECRET_PREFIX": "xmlift/test/",
    "XMLIFT_COPY_ROLE_ARN": "arn:aws:iam::000000000000:role/copy",
    "XMLIFT_ADMIN_SECRET_ARN": "arn:aws:secretsmanager:us-east-1:000000000000:secret:admin",
    "XMLIFT_WORKGROUP": "xmlift-test",
    "XMLIFT_DATABASE": "warehouse",
    "XMLIFT_WAREHOUSE_HOST": "warehouse.invalid",
    "XMLIFT_WAREHOUSE_PORT": "5439",
    "XMLIFT_WAREHOUSE_CA": "/var/task/botocore/cacert.pem",
}


def in_isolation(folder: Path, program: str) -> str:
    """Run a program that sees the standard library and one folder; answers what it prints."""
    program = f"import sys; sys.path.insert(0, {str(folder)!r}); sys.dont_write_bytecode = True\n{program}"
    answer = subprocess.run(
        # Isolated, without site-packages, and any bytes of a zip that warn are bytes that fail.
        [sys.executable, "-I", "-S", "-c", program],
        capture_output=True,
        text=True,
        check=False,
        cwd="/",
        env={
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_ACCESS_KEY_ID": "none",
            "AWS_SECRET_ACCESS_KEY": "none",
            "AWS_EC2_METADATA_DISABLED": "true",
            **FUNCTION_ENVIRONMENT,
        },
    )
    assert answer.returncode == 0, answer.stderr
    return answer.stdout


def clients_created(code: list[Part]) -> set[str]:
    """The services in `….client("service")` anywhere in some code."""
    return {
        node.args[0].value
        for part in code
        for node in ast.walk(part.statement)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr == "client"
        and node.args
        and isinstance(node.args[0], ast.Constant)
    }


def test_the_table_of_services_is_what_the_code_calls(step: str) -> None:
    assert clients_created(code_run(step)[0]) == SERVICES[step]


def test_no_client_of_a_service_that_only_the_run_knows() -> None:
    for source in FUNCTIONS.rglob("*.py"):
        for node in ast.walk(ast.parse(source.read_bytes())):
            if isinstance(node, ast.Call) and getattr(node.func, "attr", "") == "client":
                assert node.args and isinstance(node.args[0], ast.Constant), (
                    f"{source}:{node.lineno}: name the service, so that the zip can carry its model"
                )


def operations_called(code: list[Part]) -> set[str]:
    """The operations of our services whose methods, or whose names for a paginator, occur in some code."""
    methods = {
        xform_name(operation): operation
        for service in OPERATIONS
        for operation in get_session().get_service_model(service).operation_names
    }
    nodes = [node for part in code for node in ast.walk(part.statement)]
    named = {node.attr for node in nodes if isinstance(node, ast.Attribute)}
    named |= {node.value for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str)}
    return {methods[name] for name in named & methods.keys()}


def test_the_table_of_operations_is_what_the_code_calls() -> None:
    called = set().union(*(operations_called(code_run(step)[0]) for step in SERVICES))
    botocores_own = {"HeadBucket", "CreateSession"}
    assert called | botocores_own == set().union(*OPERATIONS.values()), (
        "name in OPERATIONS of build/sdk_data.py what the code calls: no other operation is in the zips"
    )


def test_clients_have_the_operations_of_the_table(step: str, unpacked: dict[str, Path]) -> None:
    program = f"""
import boto3
for service in {sorted(SERVICES[step])!r}:
    client = boto3.Session().client(service)
    print(service, *client.meta.service_model.operation_names)
    for operation in client.meta.service_model.operation_names:
        client.meta.service_model.operation_model(operation).input_shape.members
"""
    told = dict(line.split(maxsplit=1) for line in in_isolation(unpacked[step], program).splitlines())
    assert {service: set(told[service].split()) for service in told} == {
        service: OPERATIONS[service] for service in SERVICES[step]
    }


def test_clients_are_created_from_the_zip_alone(step: str, unpacked: dict[str, Path]) -> None:
    program = f"""
import boto3
for service in {sorted(SERVICES[step])!r}:
    client = boto3.Session().client(service)
    print(service, client.meta.endpoint_url)
"""
    created = dict(line.split() for line in in_isolation(unpacked[step], program).splitlines())
    assert set(created) == SERVICES[step]
    assert all(re.fullmatch(r"https://[a-z0-9.-]+\.amazonaws\.com", url) for url in created.values())


def test_a_service_that_is_not_in_the_table_has_no_client(unpacked: dict[str, Path]) -> None:
    program = """
import boto3
try:
    boto3.Session().client("ec2")
except Exception as error:
    print(type(error).__name__)
"""
    assert in_isolation(unpacked["plan"], program) == "UnknownServiceError\n"


def test_handler_imports_from_its_zip_alone(step: str, unpacked: dict[str, Path]) -> None:
    program = "import handler; print(handler.__file__, callable(handler.handler))"
    assert in_isolation(unpacked[step], program) == f"{unpacked[step] / 'handler.py'} True\n"


def test_so_does_all_that_the_handler_imports_later(step: str, unpacked: dict[str, Path]) -> None:
    modules = code_run(step)[1]
    # The names in `from x import y` are modules or not; those that are have to be importable.
    program = f"""
import importlib, importlib.util
for name in {sorted(modules)!r}:
    parent = name.rpartition(".")[0]
    if parent and not hasattr(importlib.import_module(parent), "__path__"):
        continue
    if not parent or importlib.util.find_spec(name):
        importlib.import_module(name)
        print(name)
"""
    imports = in_isolation(unpacked[step], program).splitlines()
    assert "handler" in imports


# Only a stream with a transform pays for pandas (0.4 s of CPU), and only one with a repair for BeautifulSoup.
NOT_AT_START = {
    "plan": ["asyncio", "lxml", "requests"],
    "extract": ["asyncio", "bs4", "lxml.html", "numpy", "pandas", "psycopg2"],
    "load": ["asyncio", "lxml", "requests"],
    "report": ["asyncio", "lxml", "requests"],
    "migrate": ["asyncio", "lxml", "requests", "yaml"],
}


def test_importing_a_handler_does_not_import_what_not_every_call_uses(
    step: str, unpacked: dict[str, Path]
) -> None:
    program = f"import handler; print(sorted(set({NOT_AT_START[step]!r}) & set(sys.modules)))"
    assert in_isolation(unpacked[step], program) == "[]\n"


@pytest.mark.parametrize(
    "use",
    [
        "import pandas as pd; print(pd.DataFrame({'a': ['1', None]}).astype('Int64')['a'].sum())",
        "import pandas as pd; print(pd.to_datetime(['2026-11-22']).tz_localize('UTC').year[0] - 2025)",
        "from bs4 import BeautifulSoup; print(BeautifulSoup('<a><b>1</a>', 'xml').b.text)",
        "from bs4 import BeautifulSoup; print(BeautifulSoup('<a><b>1</a>', 'lxml').b.text)",
        "import pandas as pd, io; print(pd.read_xml(io.StringIO('<r><a><b>1</b></a></r>'))['b'][0])",
        "import lxml.html; print(lxml.html.fromstring('<p>1</p>').text)",
        "from isal import igzip; print(igzip.decompress(igzip.compress(b'1')).decode())",
        "import requests; print(len([requests.Session()]))",
        "import yaml; print(yaml.safe_load('a: 1')['a'])",
        "from aws_lambda_powertools import Logger, Metrics; Logger(); Metrics(); print(1)",
    ],
)
def test_what_extract_uses_of_its_libraries_survived_the_pruning(use: str, unpacked: dict[str, Path]) -> None:
    assert in_isolation(unpacked["extract"], use) == "1\n"


def test_the_driver_of_the_warehouse_loads_its_own_libraries(unpacked: dict[str, Path]) -> None:
    for step in ("plan", "load", "report", "migrate"):
        program = "import psycopg2, psycopg2.sql, psycopg2.extras; print(psycopg2.__libpq_version__ > 0)"
        assert in_isolation(unpacked[step], program) == "True\n"
