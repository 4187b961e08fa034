"""validate: the catalogue files, and on demand the Terraform code, without a cloud."""

import os
from pathlib import Path
from typing import Annotated

import typer

from commands.display import activity, fail, print_json, say
from commands.options import Json
from local.servers import CATALOGUE, ROOT
from local.terraform import ENVIRONMENTS, Terraform
from xmlift.catalogue import load_source
from xmlift.errors import CatalogueError


def validate(
    files: Annotated[
        list[Path] | None, typer.Argument(help="Catalogue files; all of terraform/sources, if left out.")
    ] = None,
    terraform: Annotated[
        bool, typer.Option("--terraform", help="Check the environments' Terraform too.")
    ] = False,
    json: Json = False,
) -> None:
    """Check the catalogue files without a cloud."""
    results = [_check(path) for path in files or sorted(CATALOGUE.glob("*.yaml"))]
    if json:
        print_json(results)
    else:
        for result in results:
            if result["error"]:
                fail(result["error"])
            else:
                say(f"{result['file']}: source {result['source']}, streams {', '.join(result['streams'])}")
    if terraform:
        validate_terraform()
    if any(result["error"] for result in results):
        raise typer.Exit(1)


def validate_terraform() -> None:
    """Check the code of every environment.

    Raises: TerraformError.
    """
    with activity() as show:
        for folder in sorted(path.parent for path in ENVIRONMENTS.glob("*/terraform.tf")):
            work = show.begin(f"terraform validate {folder.name}")
            data = ROOT / ".venvs" / "terraform" / folder.name
            data.mkdir(parents=True, exist_ok=True)
            environment = Terraform(folder.name, data, data / "terraform.log", os.environ)
            environment.init(backend=False)
            environment.validate()
            work.finish("valid")


def _check(path: Path) -> dict[str, object]:
    result: dict[str, object] = {"file": str(path), "source": None, "streams": [], "error": None}
    try:
        source = load_source(path.read_bytes(), path.name)
    except (CatalogueError, OSError) as error:
        return {**result, "error": str(error)}
    return {**result, "source": source.source, "streams": sorted(source.streams)}
