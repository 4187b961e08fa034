"""The environments differ in their literals alone, and each one's literals agree with each other."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from .terraform_roots import TERRAFORM

ENVIRONMENTS = TERRAFORM / "environments"
ON_AWS = ("dev", "staging", "prod")
ALL = (*ON_AWS, "local")

# Arguments whose keys are the environment's own, as names of sources are, or which it may have or not.
FREE = ("sources", "zones", "runs_on", "snapshots")

_TOKEN = re.compile(
    r"""(?P<comment>\#[^\n]*) | (?P<literal>"(?:[^"\\]|\\.)*" | \b\d+(?:\.\d+)?\b
      | \b(?:true|false|null)\b | \bvar\.\w+)
      | (?P<word>[\w.-]+) | (?P<sign>[{}\[\],=()])""",
    re.VERBOSE,
)


def without_literals(text: str) -> list[str]:
    """HCL in which `·` stands for every literal, list of literals, and for what is given to an argument in FREE."""
    tokens = [
        "·" if token.lastgroup == "literal" else token.group()
        for token in _TOKEN.finditer(text)
        if token.lastgroup != "comment"
    ]
    bare = " ".join(tokens)
    bare = re.sub(r"\[(?: · ,?)* ?\]", "·", bare)
    for name in FREE:
        bare = re.sub(rf"\b{name} = {{(?:[^{{}}]|{{[^{{}}]*}})*}}", f"{name} = ·", bare)
    return bare.split()


def differences(texts: dict[str, str]) -> Iterator[str]:
    """Environments whose text is another one's with more than literals changed."""
    bare = {environment: without_literals(text) for environment, text in texts.items()}
    first = next(iter(bare))
    for environment, tokens in bare.items():
        if tokens != bare[first]:
            at = next(
                (n for n, (a, b) in enumerate(zip(tokens, bare[first], strict=False)) if a != b), len(tokens)
            )
            yield f"{environment}: … {' '.join(tokens[max(0, at - 6) : at + 3])} … is not as in {first}"


def texts_of(name: str, environments: tuple[str, ...] = ALL) -> dict[str, str]:
    return {environment: (ENVIRONMENTS / environment / name).read_text() for environment in environments}


def contradictions(environment: str, text: str) -> Iterator[str]:
    """Where an environment's files name another environment, or two accounts."""
    accounts = set(re.findall(r"\b\d{12}\b", text))
    if len(accounts) != 1:
        yield f"several accounts: {sorted(accounts)}"
    expected = {
        "environment": environment,
        "key": f"{environment}/terraform.tfstate",
        "bucket": f"xmlift-terraform-state-{min(accounts)}",
        "permissions_boundary": f"xmlift-deploy-{environment}-workload",
    }
    for name, value in expected.items():
        found = set(re.findall(rf'^\s*{name}\s*= "([^"]*)"', text, re.MULTILINE))
        if found != {value}:
            yield f"{name} is {sorted(found)}, not {value}"
    if len(set(re.findall(r'^\s*region\s*= "([^"]*)"', text, re.MULTILINE))) != 1:
        yield "several regions"


def test_every_environment_has_the_same_files() -> None:
    files = {
        environment: sorted(
            str(path.relative_to(ENVIRONMENTS / environment))
            for path in (ENVIRONMENTS / environment).rglob("*")
            if path.is_file()
        )
        for environment in ALL
    }
    assert set(ALL) == {path.name for path in ENVIRONMENTS.iterdir()}
    assert all(files[environment] == files["dev"] for environment in ALL)


@pytest.mark.parametrize("name", ["main.tf", "providers.tf"])
def test_environments_differ_in_their_literals_alone(name: str) -> None:
    """One module call each, with the same arguments in the same order; in `local` variables are literals too."""
    assert list(differences(texts_of(name))) == []


def test_the_environments_on_aws_differ_in_their_backends_literals_alone() -> None:
    assert list(differences(texts_of("backend.tf", ON_AWS))) == []
    (call,) = re.findall(r"^(\w+)", texts_of("main.tf")["dev"], re.MULTILINE)
    assert call == "module"


@pytest.mark.parametrize(
    ("name", "environments"), [("terraform.tf", ALL), ("outputs.tf", ALL), ("variables.tf", ON_AWS)]
)
def test_what_has_no_literals_is_the_same(name: str, environments: tuple[str, ...]) -> None:
    assert len(set(texts_of(name, environments).values())) == 1


@pytest.mark.parametrize("environment", ON_AWS)
def test_the_literals_of_an_environment_agree(environment: str) -> None:
    text = "\n".join(
        texts_of(name, (environment,))[environment] for name in ("backend.tf", "main.tf", "providers.tf")
    )
    assert list(contradictions(environment, text)) == []


@pytest.mark.parametrize("literal", [r"\b\d{12}\b", r'cidr\s+= "([^"]+)"'], ids=["account", "cidr"])
def test_no_two_environments_share_an_account_or_an_address(literal: str) -> None:
    """Ranges that overlap could never be peered."""
    found = []
    for environment in ON_AWS:
        text = (
            texts_of("main.tf", (environment,))[environment]
            + texts_of("backend.tf", (environment,))[environment]
        )
        found.append(min(re.findall(literal, text)))
    assert len(set(found)) == len(ON_AWS)


def test_what_is_locked_is_the_same_provider() -> None:
    locks = {
        environment: Path(ENVIRONMENTS / environment / ".terraform.lock.hcl").read_bytes()
        for environment in ALL
    }
    assert len(set(locks.values())) == 1


def test_a_spoilt_environment_is_noticed() -> None:
    texts = texts_of("main.tf")
    for old, new in (
        (r"  protect ", "  protects "),
        (r"  flow = {", "  more = 1\n  flow = {"),
        (r"    tracing ", "    # tracing "),
        (r'environment( +)= "prod"', r"environment\1= local.name"),
    ):
        spoilt, count = re.subn(old, new, texts["prod"], count=1)
        assert count == 1
        assert list(differences(texts | {"prod": spoilt}))
    text = "\n".join(texts_of(name, ("dev",))["dev"] for name in ("backend.tf", "main.tf", "providers.tf"))
    for old, new in (
        ("dev/terraform.tfstate", "prod/terraform.tfstate"),
        ('allowed_account_ids = ["111122223333"]', 'allowed_account_ids = ["444455556666"]'),
        ("xmlift-deploy-dev-workload", "xmlift-deploy-prod-workload"),
        ('environment = "dev"', 'environment = "staging"'),
        ('region = "eu-central-1"', 'region = "eu-west-1"'),
    ):
        assert old in text
        assert list(contradictions("dev", text.replace(old, new, 1)))
