"""The modules' READMEs say what the blocks say."""

from pathlib import Path

import pytest

from describe import module_readmes
from describe.module_readmes import MARK, readme, spread

VARIABLES = """
variable "name" {
  description = "Name of it; `xmlift-<environment>` and <nothing> else."
  type        = string
}

variable "days" {
  description = <<-EOT
    Days by stream: how long
    it is kept.
  EOT
  type    = map(number)
  default = { "a/b" = 3 }

  validation {
    condition     = length(var.days) > 0
    error_message = "Give one."
  }
}

variable "account" {
  description = "The account."
  type        = object({ id = string, region = optional(string, "a, {b") })
  default     = null
}
"""
OUTPUTS = 'output "arn" {\n  description = "Its ARN."\n  value = module.inner.arn\n}\n'
MAIN = """
resource "aws_s3_bucket" "this" {
  for_each = var.days
  bucket   = each.key
}

resource "aws_iam_role" "reader" {
  name = "a"
}

module "inner" {
  source = "../inner"
}
"""
GENERATED = """## Inputs

**`name`** `string`, required: Name of it; `xmlift-<environment>` and &lt;nothing> else.

**`days`** `map(number)`, default `{"a/b": 3}`: Days by stream: how long it is kept.

**`account`**, default `null`: The account.

```hcl
object({id = string, region = optional(string, "a, {b")})
```

## Outputs

**`arn`**: Its ARN.

## Made by it

Modules: `inner`.

- `aws_iam_role.reader`
- `aws_s3_bucket.this`
"""


@pytest.fixture
def module(tmp_path: Path) -> Path:
    folder = tmp_path / "terraform" / "modules" / "bucket"
    folder.mkdir(parents=True)
    for name, text in {"variables": VARIABLES, "outputs": OUTPUTS, "main": MAIN}.items():
        (folder / f"{name}.tf").write_text(text)
    (folder / "README.md").write_text("# A bucket\n\nFor what is kept.\n")
    return folder


def test_a_readme_has_what_people_wrote_and_what_the_blocks_say(module: Path) -> None:
    assert readme(module) == f"# A bucket\n\nFor what is kept.\n\n{MARK}\n{GENERATED}"


def test_written_again_it_is_the_same(module: Path) -> None:
    (module / "README.md").write_text(readme(module))
    assert readme(module) == f"# A bucket\n\nFor what is kept.\n\n{MARK}\n{GENERATED}"


def test_a_module_that_nobody_introduced_is_refused(module: Path) -> None:
    (module / "README.md").unlink()
    with pytest.raises(SystemExit, match=r"/bucket: README\.md has to begin with a heading"):
        readme(module)


def test_a_long_type_gets_a_line_for_each_attribute() -> None:
    fields = "first_wait_seconds = optional(number, 30), backoff = optional(number)"
    deeper = f'object({{{fields}, said = optional(string, "a, b }}")}})'
    written = spread(f"object({{hooks = map(string), retry = optional({deeper}, {{}})}})")
    assert written == (
        "object({\n"
        "  hooks = map(string)\n"
        "  retry = optional(object({\n"
        "    first_wait_seconds = optional(number, 30)\n"
        "    backoff = optional(number)\n"
        '    said = optional(string, "a, b }")\n'
        "  }), {})\n"
        "})"
    )


def test_the_check_names_what_differs_and_writes_nothing(
    module: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(module_readmes, "TERRAFORM", module.parents[1])
    monkeypatch.setattr(module_readmes, "modules", lambda: [module])
    assert module_readmes.main(["--check"]) == 1
    assert capsys.readouterr().err == (
        "terraform/modules/bucket/README.md: is not what its module says: make generated\n"
    )
    assert (module / "README.md").read_text() == "# A bucket\n\nFor what is kept.\n"
    assert module_readmes.main([]) == 0
    assert module_readmes.main(["--check"]) == 0
