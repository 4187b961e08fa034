"""Terraform as a program: where its provider comes from, and what it says while it works."""

import json
import shutil
import subprocess
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from local.errors import LocalError
from local.mirror import cli_configuration, find_mirror
from local.processes import Identity, end
from local.servers import ROOT

ENVIRONMENTS = ROOT / "terraform" / "environments"
# Without a mirror the provider comes from the registry: 675 MB that are kept once for all, and for the next time.
PROVIDER_CACHE = ROOT / ".venvs" / "terraform" / "providers"
# An interrupted apply lets the requests under way end, and writes down in the state what it has made.
_STOP_PATIENCE = 15.0
# On AWS a request may take as long as a warehouse or a network interface; killed, it leaves a lock and no state.
_STOP_PATIENCE_REMOTE = 600.0
_LOCK_PATIENCE = "-lock-timeout=5m"
DOWNLOAD = "https://developer.hashicorp.com/terraform/install"


class TerraformError(LocalError):
    """Terraform failed; the message is Terraform's own."""


@dataclass
class Progress:
    """How far an apply is: resources done, of those that change, and the one it works on."""

    planned: int = 0
    done: int = 0
    address: str = ""


@dataclass(frozen=True)
class Terraform:
    """One environment of this repository, with everything that Terraform writes kept outside of it.

    environment: variables for the process (credentials, endpoints). data: folder for the state, if it is kept on
    this machine, the provider links and the CLI configuration. log: everything that Terraform says. variables:
    values for the environment's input variables. folders: where the folder of that name is. remote: the state is
    where the folder's backend.tf says, and not in `data`.
    """

    name: str
    data: Path
    log: Path
    environment: Mapping[str, str]
    variables: Mapping[str, str] = field(default_factory=dict)
    folders: Path = ENVIRONMENTS
    remote: bool = False

    @property
    def folder(self) -> Path:
        return self.folders / self.name

    @property
    def state_file(self) -> Path:
        return self.data / "terraform.tfstate"

    def init(self, *, backend: bool = True) -> None:
        """Install the locked provider and, unless told otherwise, set up the state's place."""
        here = [] if self.remote else [f"-backend-config=path={self.state_file}"]
        place = here if backend else ["-backend=false"]
        # The lock file is a reviewed part of the repository: a run never rewrites it.
        self._run("init", "-input=false", "-no-color", "-lockfile=readonly", *place)

    def validate(self) -> None:
        """Raises: TerraformError naming what is wrong and where."""
        self._run("validate", "-no-color")

    def apply(self, on_progress: Callable[[Progress], None] = lambda progress: None) -> None:
        """Make everything that the environment describes; on_progress is told after each resource."""
        self._change(on_progress, "apply", "-auto-approve")

    def apply_saved(
        self, plan: Path, on_progress: Callable[[Progress], None] = lambda progress: None
    ) -> None:
        """Make what a saved plan says, and nothing else. Another apply that is at work is waited for."""
        self._change(on_progress, "apply", _LOCK_PATIENCE, str(plan))

    def destroy(self, on_progress: Callable[[Progress], None] = lambda progress: None) -> None:
        """Remove everything that the environment describes."""
        self._change(on_progress, "destroy", "-auto-approve")

    def _change(self, on_progress: Callable[[Progress], None], verb: str, *arguments: str) -> None:
        progress = Progress()
        with closing(self._events(verb, "-json", "-input=false", *arguments)) as events:
            for event in events:
                _follow(progress, event)
                on_progress(progress)

    def plan(self) -> dict[str, Any]:
        """What an apply would change, as `terraform show -json` describes it."""
        file = self.data / "next.tfplan"
        self._run("plan", "-input=false", "-no-color", f"-out={file}")
        return self.show(file)

    def save_plan(self, file: Path) -> str:
        """Save what an apply would change; what Terraform says of it.

        The state is not locked, since who plans may not write it; an apply notices a plan of an older state.
        """
        return self._run("plan", "-input=false", "-no-color", "-lock=false", f"-out={file}")

    def show(self, plan: Path) -> dict[str, Any]:
        """A saved plan, as `terraform show -json` describes it."""
        return dict(json.loads(self._run("show", "-json", str(plan))))

    def output(self) -> dict[str, Any]:
        """The environment's outputs, by name."""
        return {name: output["value"] for name, output in json.loads(self._run("output", "-json")).items()}

    def _run(self, *arguments: str) -> str:
        with self._process(*arguments, stderr=subprocess.PIPE) as process:
            said, errors = process.communicate()
        self._note(said + errors)
        if process.returncode != 0:
            raise TerraformError(f"terraform {arguments[0]} of {self.name}:\n{errors or said}")
        return str(said)

    def _events(self, *arguments: str) -> Generator[dict[str, Any]]:
        errors = []
        with self._process(*arguments) as process:
            assert process.stdout is not None
            for line in process.stdout:
                self._note(line)
                event = json.loads(line)
                if event.get("diagnostic", {}).get("severity") == "error":
                    errors.append(_describe(event["diagnostic"]))
                yield event
        if process.returncode != 0:
            raise TerraformError(f"terraform {arguments[0]} of {self.name}:\n" + "\n".join(errors))

    @contextmanager
    def _process(self, *arguments: str, stderr: int | None = None) -> Iterator["subprocess.Popen[str]"]:
        """Terraform at work, in a process group of its own: its providers end with it, whatever ends us."""
        with subprocess.Popen(
            self._command(*arguments),
            env=self._variables(),
            stdout=subprocess.PIPE,
            stderr=stderr,
            text=True,
            start_new_session=True,
        ) as process:
            leader = Identity.of(process.pid)
            _process_file(self.data).write_text(json.dumps(asdict(leader)))
            try:
                yield process
                process.wait()
            except BaseException:
                _interrupt(process, leader, _STOP_PATIENCE_REMOTE if self.remote else _STOP_PATIENCE)
                raise
            finally:
                _process_file(self.data).unlink(missing_ok=True)

    def _command(self, *arguments: str) -> list[str]:
        terraform = shutil.which("terraform")
        if terraform is None:
            raise TerraformError(
                f"Terraform was not found on PATH. Install 1.11 or newer (below 2): {DOWNLOAD}"
            )
        return [terraform, f"-chdir={self.folder}", *arguments]

    def _variables(self) -> dict[str, str]:
        self.data.mkdir(parents=True, exist_ok=True)
        environment = dict(self.environment)
        environment |= {f"TF_VAR_{name}": value for name, value in self.variables.items()}
        environment |= {
            "TF_DATA_DIR": str(self.data / "data"),
            "TF_IN_AUTOMATION": "1",
            "CHECKPOINT_DISABLE": "1",
        }
        mirror = find_mirror(environment, self.folder / ".terraform.lock.hcl")
        if mirror is not None:
            configuration = self.data / "terraform.rc"
            configuration.write_text(cli_configuration(mirror))
            environment["TF_CLI_CONFIG_FILE"] = str(configuration)
        else:
            PROVIDER_CACHE.mkdir(parents=True, exist_ok=True)
            environment["TF_PLUGIN_CACHE_DIR"] = str(PROVIDER_CACHE)
        return environment

    def _note(self, text: str) -> None:
        with self.log.open("a") as log:
            log.write(text)


def _interrupt(process: "subprocess.Popen[str]", leader: Identity, patience: float) -> None:
    """Ask Terraform to end and read on, since it could not with a full pipe; then end what is left of its group."""
    try:
        process.terminate()
        with suppress(subprocess.TimeoutExpired):
            process.communicate(timeout=patience)
    finally:
        end(leader, patience=1.0)


def end_remains(data: Path) -> None:
    """End a Terraform that somebody who was killed has left at work on this data folder."""
    with suppress(OSError, ValueError, TypeError):
        end(Identity(**json.loads(_process_file(data).read_text())), _STOP_PATIENCE)


def _process_file(data: Path) -> Path:
    return data / "process.json"


def _follow(progress: Progress, event: dict[str, Any]) -> None:
    kind = event["type"]
    if kind == "change_summary" and event["changes"]["operation"] == "plan":
        progress.planned = sum(event["changes"][action] for action in ("add", "change", "remove"))
    elif kind == "apply_start":
        progress.address = event["hook"]["resource"]["addr"]
    elif kind == "apply_complete" and event["hook"]["action"] != "read":
        progress.done += 1


def _describe(diagnostic: dict[str, Any]) -> str:
    place = diagnostic.get("range") or {}
    where = f" ({place['filename']}:{place['start']['line']})" if place else ""
    address = f" in {diagnostic['address']}" if diagnostic.get("address") else ""
    return f"{diagnostic['summary']}{address}{where}\n{diagnostic.get('detail', '')}".strip()
