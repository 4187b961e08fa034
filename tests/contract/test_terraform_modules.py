"""The modules' own tests, with a mocked provider: validations, conditional resources, outputs."""

import json
import re
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import pytest

from .terraform_roots import BOOTSTRAP, TERRAFORM, Roots

MODULES = sorted(path.name for path in (TERRAFORM / "modules").iterdir())
DEPLOYED = [
    BOOTSTRAP,
    *(f"environments/{path.name}" for path in sorted((TERRAFORM / "environments").iterdir())),
]
ROOTS = [f"modules/{name}" for name in MODULES] + DEPLOYED


@pytest.fixture(scope="session")
def module_tests(roots: Roots) -> Iterator[dict[str, Future[str]]]:
    """The tests of all modules, two at a time: most of each is one core starting the provider."""
    assert roots.borrowed_provider.exists()  # made here, once, and not by two threads
    with ThreadPoolExecutor(max_workers=2) as pool:
        yield {name: pool.submit(roots.test_module, name) for name in MODULES}


@pytest.mark.parametrize("module", MODULES)
def test_module(module_tests: dict[str, Future[str]], module: str) -> None:
    said = module_tests[module].result()
    assert re.search(r"^Success! [1-9]\d* passed, 0 failed\.$", said, re.MULTILINE), said


@pytest.mark.parametrize("root", ROOTS)
def test_every_variable_and_output_is_described(root: str) -> None:
    for name in ("variables.tf", "outputs.tf"):
        for block in re.split(
            r"^(?=variable|output)", (TERRAFORM / root / name).read_text(), flags=re.MULTILINE
        ):
            if block.startswith(("variable", "output")):
                assert re.search(r"^  description\s+= ", block, re.MULTILINE), f"{root}/{name}: {block[:60]}"


def test_the_template_is_json_before_it_is_rendered() -> None:
    template = TERRAFORM / "modules" / "workflow" / "pipeline.asl.json"
    outside_quotes = re.sub(r'"(?:[^"\\]|\\.)*"', '""', template.read_text())
    assert json.loads(template.read_text())["StartAt"]
    assert "${" not in outside_quotes


@pytest.mark.parametrize("root", DEPLOYED)
def test_providers_are_locked_for_linux_and_macos(root: str) -> None:
    lock = (TERRAFORM / root / ".terraform.lock.hcl").read_text()
    # One h1 for each unpacked platform that has a published one, zh for the registry's archives of all platforms.
    assert len(re.findall(r'"h1:', lock)) >= 2
    assert len(re.findall(r'"zh:', lock)) >= 10


def test_no_module_asks_where_it_runs() -> None:
    for path in (TERRAFORM / "modules").rglob("*.tf"):
        assert not re.search(r'"local"|== "dev"|environment ==', Path(path).read_text()), path
