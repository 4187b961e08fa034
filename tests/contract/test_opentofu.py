"""The configuration is OpenTofu's, too: nothing in it is Terraform's alone.

Held against what OpenTofu documents for its release 1.11, since its program is no part of the locked tools. The
modules' tests are Terraform's: OpenTofu mocks no provider from files, and none while it plans.
"""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from .terraform_roots import TERRAFORM

FILES = sorted(path for path in TERRAFORM.rglob("*.tf") if ".terraform" not in path.parts)

# Both have these. Terraform alone has `action`, `list`, and the blocks of its stacks.
BLOCKS = {"check", "data", "import", "locals", "module", "moved", "output", "provider", "removed", "resource"}
BLOCKS |= {"terraform", "variable"}
# Both have these, as documented.
FUNCTIONS = set(
    """
    abs abspath alltrue anytrue base64decode base64encode base64gzip base64sha256 base64sha512 basename bcrypt
    can ceil chomp chunklist cidrhost cidrnetmask cidrsubnet cidrsubnets coalesce coalescelist compact concat
    contains csvdecode dirname distinct element endswith file filebase64 filebase64sha256 filebase64sha512
    fileexists filemd5 fileset filesha1 filesha256 filesha512 flatten floor format formatdate formatlist indent
    index issensitive join jsondecode jsonencode keys length log lookup lower matchkeys max md5 merge min
    nonsensitive one parseint pathexpand plantimestamp pow range regex regexall replace reverse rsadecrypt
    sensitive setintersection setproduct setsubtract setunion sha1 sha256 sha512 signum slice sort split
    startswith strcontains strrev substr sum templatefile templatestring textdecodebase64 textencodebase64
    timeadd timecmp timestamp title tobool tolist tomap tonumber toset tostring transpose trim trimprefix
    trimspace trimsuffix try upper urlencode uuid uuidv5 values yamldecode yamlencode zipmap
    """.split()  # noqa: SIM905 - a line each otherwise
)
TYPES = {"list", "map", "object", "optional", "set"}
# Of the backend in S3; use_lockfile came with OpenTofu 1.10.
BACKEND = {"allowed_account_ids", "bucket", "key", "region", "use_lockfile"}

_QUOTED = re.compile(r'"(?:\\.|\$\{[^}]*\}|[^"\\])*"')
_COMMENT = re.compile(r"^\s*(#|//).*$|\s#\s.*$", re.MULTILINE)
_CALL = re.compile(r"(?<![\w.\"-])([a-z]\w*(?:::\w+)*)\(")


def not_opentofus(text: str) -> Iterator[str]:
    """What of a file OpenTofu would not take, or is not known to take."""
    text = _COMMENT.sub("", text)
    for block in re.findall(r"^([a-z_]+)[ {]", text, re.MULTILINE):
        if block not in BLOCKS:
            yield f"block {block}"
    for function in _CALL.findall(_expressions(text)):
        if function not in FUNCTIONS | TYPES:
            yield f"function {function}"
    if "action_trigger" in text:
        yield "action_trigger"
    for backend in re.findall(r'backend "s3" {(.*?)\n  }', text, re.DOTALL):
        for argument in re.findall(r"^    (\w+)\s*=", backend, re.MULTILINE):
            if argument not in BACKEND:
                yield f"argument {argument} of the backend"
    yield from _validations(text)


def _expressions(text: str) -> str:
    """The text without what is quoted, save what is filled in there."""
    return _QUOTED.sub(lambda quoted: " ".join(re.findall(r"\$\{([^}]*)\}", quoted.group())), text)


def _validations(text: str) -> Iterator[str]:
    """OpenTofu wants a condition to name its own variable, and takes none that goes by a local made from it."""
    for block in re.split(r"^(?=variable )", text, flags=re.MULTILINE)[1:]:
        name = block.split('"')[1]
        for validation in re.findall(r"validation {.*?\n  }", block, re.DOTALL):
            if f"var.{name}" not in validation.split("error_message")[0] or "local." in validation:
                yield f"validation of {name}"


def test_opentofu_takes_every_file() -> None:
    found = {str(path.relative_to(TERRAFORM)): set(not_opentofus(path.read_text())) for path in FILES}
    assert len(found) > 40
    assert {name: strange for name, strange in found.items() if strange} == {}


@pytest.mark.parametrize(
    ("text", "strange"),
    [
        ('action "aws_lambda_invoke" "this" {\n}\n', "block action"),
        ('locals {\n  a = "x ${provider::aws::arn_parse(var.b)}"\n}\n', "function provider::aws::arn_parse"),
        ("locals {\n  a = terraform_only(var.b)\n}\n", "function terraform_only"),
        (
            'resource "a" "b" {\n  lifecycle {\n    action_trigger {\n    }\n  }\n}\n',
            "action_trigger",
        ),
        (
            'terraform {\n  backend "s3" {\n    bucket = "a"\n    endpoint_url = "b"\n  }\n}\n',
            "argument endpoint_url of the backend",
        ),
        (
            # Both have it, and it would take the state from its key: the bucket's default is what encrypts.
            'terraform {\n  backend "s3" {\n    bucket = "a"\n    encrypt = true\n  }\n}\n',
            "argument encrypt of the backend",
        ),
        (
            'variable "a" {\n  validation {\n    condition     = var.b\n    error_message = "${var.a}"\n  }\n}\n',
            "validation of a",
        ),
    ],
)
def test_what_terraform_alone_takes_is_noticed(text: str, strange: str) -> None:
    assert list(not_opentofus(text)) == [strange]


@pytest.mark.parametrize("path", [path for path in FILES if path.name == "terraform.tf"], ids=str)
def test_the_version_that_is_asked_for_exists_of_both(path: Path) -> None:
    """OpenTofu's 1.11 has what is used here of Terraform's 1.11; a module by itself needs less."""
    expected = ">= 1.10" if path.parent.parent.name == "modules" else "~> 1.11"
    assert re.findall(r'required_version = "(.*)"', path.read_text()) == [expected]
