"""github: what the workflows tell GitHub, and ask of it."""

import json
from typing import Annotated

import typer

from commands.display import out, say
from commands.releases import Plans
from release import github
from release.errors import ReleaseError
from release.folders import PLANS
from release.github import GitHub

Env = Annotated[str, typer.Option("--env", metavar="NAME", help="An environment on AWS.")]

app = typer.Typer(no_args_is_help=True, help="What the workflows tell GitHub; needs its command line, gh.")


def _assigned(**values: str) -> None:
    """As GITHUB_OUTPUT takes it: a line for each value."""
    for name, value in values.items():
        out.print(f"{name}={value}", highlight=False, markup=False)


@app.command()
def identity(env: Env, step: Annotated[str, typer.Option(help="plan, apply or publish.")]) -> None:
    """Print the role that a job takes on, and the region."""
    _assigned(**github.identity(env, step))


@app.command()
def planned(env: Env, plans: Plans = PLANS) -> None:
    """Print whether the plan that was saved changes anything."""
    file = plans / env / "plan.json"
    if not file.is_file():
        raise ReleaseError(f"There is no plan of {env} in {file.parent}. Remedy: make plan ENV={env}")
    summary = json.loads(file.read_text())
    _assigned(changes=str(any(summary["changes"].values()) or bool(summary["outputs"])).lower())


@app.command()
def summary(env: Env, plans: Plans = PLANS) -> None:
    """Print the plan that was saved, as the page that those read who approve it."""
    page = plans / env / "plan.md"
    if not page.is_file():
        raise ReleaseError(f"There is no plan of {env} in {page.parent}. Remedy: make plan ENV={env}")
    out.print(page.read_text(), highlight=False, markup=False)


@app.command()
def comment(
    pull_request: Annotated[int, typer.Option(help="Its number.")],
    commit: Annotated[str, typer.Option(help="The commit that was planned.")],
    plans: Plans = PLANS,
) -> None:
    """Put the plans of all environments into the one comment on a pull request."""
    GitHub().comment(pull_request, github.whole_comment(plans, commit))
    say(f"Told on pull request {pull_request}")


@app.command()
def deployed(env: Env) -> None:
    """Print the commit that was last deployed to an environment; an empty one if none was."""
    _assigned(commit=GitHub().deployed(env))


@app.command()
def drift_issue(env: Env, plans: Plans = PLANS) -> None:
    """Open, renew or close the issue about an environment's drift, by what `drift` has found.

    Raises: ReleaseError if `drift` could not find out: then nothing is told.
    """
    kept, page = plans / env / "drift.json", plans / env / "drift.md"
    if not kept.is_file():
        raise ReleaseError(
            f"Whether {env} drifts is not known: there is no {kept}. Remedy: make drift ENV={env}, whose output "
            "says what went wrong"
        )
    found = json.loads(kept.read_text())
    GitHub().tell_drift(env, found, page.read_text())
    say(f"{env} {'is not' if found['drift'] else 'is'} as the code says: told")
