"""github: what the workflows tell GitHub, and ask of it."""

import json
from typing import Annotated

import typer

from commands.display import out, say
from commands.releases import Plans
from release import commits, github
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
    _assigned(changes=str(summary["applyable"]).lower())


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
def newer(env: Env) -> None:
    """Refuse to go on where a commit was deployed that is not among those before this folder's.

    A merge whose tests took longer, or that is run again, would take a newer one back.
    """
    earlier, here = GitHub().deployed(env), commits.current()
    if earlier and not commits.is_ancestor(earlier, here):
        raise ReleaseError(
            f"{env} has commit {earlier[:12]}, which {here[:12]} does not contain: deploying it would take that "
            "back. Nothing was planned. Remedy: nothing, if a newer merge was faster; else merge what is missing"
        )
    say(f"{env} has {f'commit {earlier[:12]}, which this one contains' if earlier else 'no deployment yet'}")


@app.command()
def record(env: Env, commit: Annotated[str, typer.Option(help="The commit, in full.")]) -> None:
    """Write down at GitHub that an environment is as a commit says, where nothing had to be applied."""
    GitHub().record(env, commit)
    say(f"{env} is as commit {commit[:12]} says: written down")


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
