"""What a first call pays before it works: CPU of the imports from the zip as shipped, and of each library."""

import json
import os
import re
import shutil
import subprocess
import sys
import zipfile
from collections import Counter
from collections.abc import Iterable, Mapping
from importlib.metadata import packages_distributions
from pathlib import Path
from typing import NamedTuple

from local.errors import LocalError
from local.servers import ROOT

from .page import number
from .section import Bench, Claim, Plot, Samples, Section, Table, interleaved

RUNS = 7
QUICK_RUNS = 3
MOST_SECONDS = 0.35
MOST_BYTES = {"plan": 12e6, "extract": 35e6, "load": 12e6, "report": 12e6, "migrate": 12e6}
PYTHON = ROOT / ".venvs" / "lambda" / "bin" / "python"

ENVIRONMENT = {
    "PATH": "/usr/bin:/bin",
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_ACCESS_KEY_ID": "none",
    "AWS_SECRET_ACCESS_KEY": "none",
    "AWS_EC2_METADATA_DISABLED": "true",
    "POWERTOOLS_SERVICE_NAME": "bench",
    "POWERTOOLS_METRICS_NAMESPACE": "xmlift",
    "XMLIFT_BUCKET": "bucket",
    "XMLIFT_EXTRACT_CONCURRENCY": "8",
    "XMLIFT_SECRET_PREFIX": "xmlift/bench/",
    "XMLIFT_COPY_ROLE_ARN": "arn:aws:iam::000000000000:role/copy",
    "XMLIFT_ADMIN_SECRET_ARN": "arn:aws:secretsmanager:us-east-1:000000000000:secret:admin",
    "XMLIFT_WORKGROUP": "bench",
    "XMLIFT_DATABASE": "warehouse",
    "XMLIFT_WAREHOUSE_HOST": "warehouse.invalid",
    "XMLIFT_WAREHOUSE_PORT": "5439",
    "XMLIFT_WAREHOUSE_CA": "/var/task/botocore/cacert.pem",
}

PURPOSES = {
    "aws-lambda-powertools": "structured logs, metrics",
    "beautifulsoup4": "repair of broken XML; imported only for it",
    "boto3": "clients of S3, Secrets Manager, Redshift's credentials, Step Functions",
    "botocore": "boto3: requests, signatures, descriptions of AWS",
    "certifi": "requests: authorities",
    "charset-normalizer": "requests: encodings of texts",
    "idna": "requests: host names",
    "isal": "compression of CSV",
    "jmespath": "botocore: pages of answers",
    "lambda-multiprocessing": "processes without /dev/shm",
    "lxml": "XML",
    "msgspec": "settings, events and what lands, typed",
    "numpy": "pandas; imported only for transforms",
    "pandas": "transforms; imported only for them",
    "psycopg2-binary": "the warehouse",
    "python-dateutil": "botocore: times",
    "pyyaml": "catalogues",
    "requests": "endpoints",
    "s3transfer": "boto3",
    "six": "python-dateutil: old Pythons",
    "soupsieve": "beautifulsoup4: selectors",
    "typing-extensions": "aws-lambda-powertools, beautifulsoup4",
    "tzdata": "pandas: time zones",
    "urllib3": "botocore, requests: HTTP",
    "xmlift": "our own code, handler included",
}
# Where a library's folder says little until one of its modules is asked for.
_USED_BY_MODULE = {
    "botocore": "botocore.session",
    "isal": "isal.isal_zlib",
    "lxml": "lxml.etree",
    "python-dateutil": "dateutil.tz",
}

_PROSE = """\
Each zip as shipped is unpacked into a new folder {runs} times and imported there once by the interpreter of
`.venvs/lambda`, as the local cloud starts it: the handler with all clients that it makes. CPU is user and system
time of the process; an interpreter that does nothing and one that imports only AWS's runtime client are measured in
turn with it. Left out: fetching and unpacking the zip, what Lambda does before Python starts, and the end of the
interpreter, which no function sees.
"""


class Cost(NamedTuple):
    """Bytes of a library in a zip, and unpacked."""

    zipped: int
    unpacked: int


def measure(bench: Bench) -> Section:
    """Package for this machine, then import every handler and every library in processes of their own."""
    runs = QUICK_RUNS if bench.quick else RUNS
    zips = package()
    starts = {}
    for step, path in zips.items():
        bench.say(f"cold start of {step}, {runs} times")
        starts[step] = handler_starts(path, bench.folder / "work" / "cold_start", runs)
    return Section(
        title="Cold start",
        prose=_PROSE.format(runs=runs),
        claims=claims(starts, {step: path.stat().st_size for step, path in zips.items()}),
        tables=[_start_table(zips, starts), _library_table(bench, zips, 1 if bench.quick else QUICK_RUNS)],
        plots=[_plot(starts)],
    )


def package() -> dict[str, Path]:
    """The zips for this machine, by function. Raises LocalError with what packaging said."""
    command = [sys.executable, str(ROOT / "build" / "package.py"), "--local", "--json"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise LocalError(f"The functions could not be packaged:\n{done.stderr}")
    functions = json.loads(done.stdout)["functions"]
    return {step: ROOT / "dist" / function["file"] for step, function in functions.items()}


def cpu_of(program: str, folder: Path | None = None, python: Path = PYTHON) -> float:
    """CPU seconds, user's and system's, of an interpreter until it has run a program, with a folder to import from.

    Raises LocalError with what it said if it fails.
    """
    environment = ENVIRONMENT | ({"PYTHONPATH": str(folder)} if folder else {})
    # A function's interpreter never ends: to take all apart again would be a quarter of what is measured.
    command = [str(python), "-P", "-B", "-c", f"{program}\nimport os\nos._exit(0)"]
    with subprocess.Popen(command, env=environment, cwd="/", stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        said = process.stderr.read()
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise LocalError(f"`{program}` failed in {python}:\n{said}")
    return used.ru_utime + used.ru_stime


def handler_starts(path: Path, folder: Path, runs: int) -> dict[str, Samples]:
    """CPU seconds of interpreters that do nothing, that import the runtime's client, and a handler as well."""

    def first_import() -> float:
        shutil.rmtree(folder, ignore_errors=True)
        with zipfile.ZipFile(path) as opened:
            opened.extractall(folder)
        return cpu_of("import awslambdaric.bootstrap, handler", folder)

    try:
        return interleaved(
            runs,
            {
                "empty": lambda: cpu_of("pass"),
                "runtime": lambda: cpu_of("import awslambdaric.bootstrap"),
                "whole": first_import,
            },
        )
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def claims(starts: Mapping[str, Mapping[str, Samples]], sizes: Mapping[str, int]) -> list[Claim]:
    """What is promised of each function: CPU of its imports, without that of an empty interpreter, and its zip."""
    promised = []
    for step, samples in starts.items():
        seconds = samples["whole"].median - samples["empty"].median
        promised.append(
            Claim(f"{step}: at most 0.35 s of CPU to import", seconds, MOST_SECONDS, "s", at_least=False)
        )
    for step, size in sizes.items():
        most = MOST_BYTES[step] / 1e6
        promised.append(
            Claim(f"{step}: a zip of at most {most:.0f} MB", size / 1e6, most, "MB", at_least=False)
        )
    return promised


def _start_table(zips: Mapping[str, Path], starts: Mapping[str, Mapping[str, Samples]]) -> Table:
    rows = []
    for step, samples in starts.items():
        whole, empty, runtime = (samples[name].median for name in ("whole", "empty", "runtime"))
        with zipfile.ZipFile(zips[step]) as opened:
            unpacked = sum(entry.file_size for entry in opened.infolist())
        sizes = [number(size / 1e6) for size in (zips[step].stat().st_size, unpacked)]
        cpu = [number(1000 * seconds) for seconds in (whole, whole - empty, whole - runtime)]
        rows.append([step, *sizes, *cpu, f"{samples['whole'].spread:.0%}"])
    columns = ["function", "zip, MB", "unpacked, MB", "whole process, ms of CPU", "less an empty one"]
    return Table("Functions", [*columns, "less the runtime's client too", "spread"], rows)


def library_of(name: str, owners: Mapping[str, Iterable[str]]) -> str:
    """The library that a file of a zip belongs to; xmlift for our own."""
    top, _, rest = name.partition("/")
    if top == "__pycache__":
        top = rest
    if found := re.fullmatch(r"(.+?)-[^-]+\.dist-info|(.+)\.libs", top):
        return (found[1] or found[2]).lower().replace("_", "-")
    if libraries := sorted(owners.get(top.split(".")[0], ())):
        return libraries[0].lower().replace("_", "-")
    return "xmlift"


def costs(path: Path, owners: Mapping[str, Iterable[str]]) -> dict[str, Cost]:
    """What each library takes of a zip."""
    zipped: Counter[str] = Counter()
    unpacked: Counter[str] = Counter()
    with zipfile.ZipFile(path) as opened:
        for entry in opened.infolist():
            library = library_of(entry.filename, owners)
            zipped[library] += entry.compress_size
            unpacked[library] += entry.file_size
    return {library: Cost(zipped[library], unpacked[library]) for library in sorted(zipped)}


def _library_table(bench: Bench, zips: Mapping[str, Path], runs: int) -> Table:
    owners = packages_distributions()
    carried = {step: costs(path, owners) for step, path in zips.items()}
    rows = []
    for library in sorted(set().union(*carried.values())):
        steps = [step for step, of in carried.items() if library in of]
        # What services a function calls decides a little of botocore: the largest of them stands for all.
        largest = max((carried[step][library] for step in steps), key=lambda cost: cost.zipped)
        sizes = [number(largest.zipped / 1e6), number(largest.unpacked / 1e6)]
        cpu = "–" if library == "xmlift" else number(1000 * _import_cpu(bench, zips[steps[0]], library, runs))
        users = "all" if len(steps) == len(zips) else ", ".join(steps)
        rows.append([library, *sizes, cpu, users, PURPOSES[library]])
    columns = ["library", "zip, MB", "unpacked, MB", "import, ms of CPU", "functions", "what for"]
    note = "An import counts with all that it imports in turn, so the column does not add up."
    return Table("What each dependency costs", columns, rows, note)


def _import_cpu(bench: Bench, path: Path, library: str, runs: int) -> float:
    """CPU seconds of a library's import alone, from a zip that carries it."""
    owners = packages_distributions()
    names = [top for top in owners if library == library_of(top, owners) and not top.startswith("_")]
    module = _USED_BY_MODULE.get(library) or min(names, key=len)
    bench.say(f"import of {module}")
    folder = bench.folder / "work" / "libraries" / path.stem
    if not folder.is_dir() or folder.stat().st_mtime < path.stat().st_mtime:
        shutil.rmtree(folder, ignore_errors=True)
        with zipfile.ZipFile(path) as opened:
            opened.extractall(folder)
    found = interleaved(
        runs, {"with": lambda: cpu_of(f"import {module}", folder), "without": lambda: cpu_of("pass")}
    )
    return found["with"].median - found["without"].median


def _plot(starts: Mapping[str, Mapping[str, Samples]]) -> Plot:
    own = [(float(at), samples["whole"].median) for at, samples in enumerate(starts.values())]
    return Plot(
        name="cold_start",
        title="CPU of a cold start",
        kind="bars",
        labels=list(starts),
        series={"whole process": own},
        x_label="function",
        y_label="seconds of CPU",
    )
