"""validate: the catalogue files, and on demand the Terraform code, without a cloud."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlsplit

import typer
import yaml
from lxml import etree

from commands.display import activity, fail, print_json, say
from commands.options import Json
from local.servers import ROOT
from local.terraform import ENVIRONMENTS, Terraform
from operate.places import CATALOGUE
from xmlift.catalogue import Source, Stream, load_source
from xmlift.catalogue.column import Child, Column
from xmlift.catalogue.cursor import TimeCursor
from xmlift.catalogue.document import read_document
from xmlift.catalogue.paging import TokenPaging
from xmlift.errors import CatalogueError, XmliftError
from xmlift.extraction.rooms import column_field, record_mapping, source_guards, window_walk
from xmlift.records import Mapping, Nested, PieceReader
from xmlift.windows import EPOCH, Interval

_SOME_WINDOW = Interval(EPOCH, EPOCH + timedelta(days=1))


def validate(
    files: Annotated[
        list[Path] | None, typer.Argument(help="Catalogue files; all of terraform/sources, if left out.")
    ] = None,
    terraform: Annotated[
        bool, typer.Option("--terraform", help="Check the environments' Terraform too.")
    ] = False,
    expanded: Annotated[
        bool, typer.Option("--expanded", help="Show each source with all that its preset stands for.")
    ] = False,
    json: Json = False,
) -> None:
    """Check the catalogue files without a cloud."""
    paths = files or sorted(CATALOGUE.glob("*.yaml"))
    results = [check(path) | (_expanded(path) if expanded else {}) for path in paths]
    if json:
        print_json(results)
    else:
        for result in results:
            if result["error"]:
                fail(result["error"])
            else:
                say(f"{result['file']}: source {result['source']}, streams {', '.join(result['streams'])}")
                for warning in result["warnings"]:
                    say(f"Warning: {warning}")
                if expanded:
                    say(yaml.safe_dump(result["expanded"], sort_keys=False, allow_unicode=True, width=1000))
    if terraform:
        validate_terraform()
    if any(result["error"] for result in results):
        raise typer.Exit(1)


def _expanded(path: Path) -> dict[str, Any]:
    """What a source is once its preset is filled in: `expanded`, None where that cannot be told."""
    try:
        return {"expanded": read_document(path.read_bytes(), _relative(path))}
    except (OSError, CatalogueError):
        return {"expanded": None}


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


def check(path: Path) -> dict[str, Any]:
    """What a file holds: `file`, `source`, `streams`, `warnings`, and `error` if it is not valid."""
    shown = _relative(path)
    result: dict[str, Any] = {"file": shown, "source": None, "streams": [], "warnings": [], "error": None}
    try:
        source = load_source(path.read_bytes(), shown)
        for name, stream in source.streams.items():
            _check_stream(f"{shown}: stream {source.source}.{name}", source, stream)
    except OSError as error:
        return {**result, "error": f"{shown}: {error.strerror}"}
    except CatalogueError as error:
        return {**result, "error": str(error)}
    if path.name != f"{source.source}.yaml":
        error = (
            f"{shown}: it says `source: {source.source}`, and environments find a source by its file's name: name "
            f"the file {source.source}.yaml, or correct `source`"
        )
        return {**result, "error": error}
    return {
        **result,
        "source": source.source,
        "streams": sorted(source.streams),
        "warnings": list(warnings(source)),
    }


def warnings(source: Source) -> Iterator[str]:
    """What a run would do as it is written, and nobody is likely to have meant."""
    if urlsplit(source.base_url).scheme == "http" and any(s.request for s in source.streams.values()):
        yield f"{source.source}: base_url is http: nothing proves who answers, and no environment on AWS takes it"
    for name, stream in source.streams.items():
        where = f"{source.source}.{name}"
        if isinstance(stream.cursor, TimeCursor) and stream.cursor.slice and not stream.is_bounded:
            yield (
                f"{where}: cursor.slice cuts nothing, as the server is not asked for a time: use both "
                "{window.from} and {window.to} in the request, or leave it out"
            )
        query = stream.request.query if stream.request else {}
        if isinstance(stream.page, TokenPaging) and stream.page.exclusive and "verb" in query:
            yield (
                f"{where}: page.exclusive sends the query's `verb` with the first page alone: let it stand in "
                "the path (/oai?verb=ListRecords)"
            )


def _check_stream(where: str, source: Source, stream: Stream) -> None:
    """Build all that a stream's paths are needed for. Raises CatalogueError that names stream and column."""
    with _within(where):
        Mapping(stream.records, (), (), source.namespaces)
    _check_columns(where, source, stream.records, stream.columns)
    _check_children(where, source, stream.records, stream.children)
    with _within(where):
        if stream.request is not None:
            window_walk(source, stream, _SOME_WINDOW, "")
        source_guards(source, stream)
    with _within(where):
        PieceReader(record_mapping(source, stream))


def _check_children(where: str, source: Source, records: str, children: dict[str, Child]) -> None:
    for name, child in children.items():
        there = f"{where}: child {name}"
        with _within(there):
            Mapping(records, (), (Nested(name, child.records, ()),), source.namespaces)
        _check_columns(there, source, records, child.columns)
        _check_children(there, source, records, child.children)


def _check_columns(where: str, source: Source, records: str, columns: dict[str, Column]) -> None:
    for name, column in columns.items():
        with _within(f"{where}: column {name}"):
            Mapping(records, (column_field(name, column),), (), source.namespaces)


@contextmanager
def _within(where: str) -> Iterator[None]:
    try:
        yield
    except (XmliftError, etree.LxmlError) as error:
        raise CatalogueError(f"{where}: {error}") from error


def _relative(path: Path) -> str:
    """As a person names the file: from where they are, if it is below."""
    absolute = path.resolve()
    return str(absolute.relative_to(Path.cwd()) if absolute.is_relative_to(Path.cwd()) else path)
