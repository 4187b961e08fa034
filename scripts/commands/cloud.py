"""up, apply, tick, down: the local cloud by itself."""

from pathlib import Path
from typing import Annotated

import typer

from commands import package
from commands.display import Activity, activity, print_json, say
from commands.options import FOLDER, ITEMS, Authority, Data, Folder, Items, Json
from local import cloud as clouds
from local import control, deployment
from local.cloud import Cloud


def up(folder: Folder = FOLDER, items: Items = ITEMS, data: Data = None, json: Json = False) -> None:
    """Start the local cloud: emulator, warehouse and XML endpoint."""
    with activity() as show:
        cloud = start(show, folder, items, data)
    if json:
        print_json(describe(cloud))
    else:
        say(f"The local cloud is running. Logs: {cloud.instance.logs}. Next: make apply")


def apply(folder: Folder = FOLDER, authority: Authority = None, json: Json = False) -> None:
    """Package the functions and deploy the local environment to the running local cloud."""
    cloud = clouds.get(folder)
    with activity() as show:
        package.build(show)
        made = deploy(show, cloud, authority)
    if json:
        print_json(made.outputs)
        return
    for source in made.without_credentials():
        say(f"{source} has no credentials yet. Give them with: make secret SOURCE={source}")
    say("The local environment is deployed. Next: make run")


def tick(
    folder: Folder = FOLDER,
    change: Annotated[int, typer.Option(min=0, help="Items that change.")] = 200,
    create: Annotated[int, typer.Option(min=0, help="Items that are new.")] = 20,
    json: Json = False,
) -> None:
    """Let time pass at the endpoint: some items change, some are new."""
    answer = control.advance(clouds.get(folder), change=change, create=create)
    if json:
        print_json(answer)
    else:
        say(
            f"At the endpoint, {change} work items have changed and {create} are new. Load them with: make run"
        )


def down(folder: Folder = FOLDER, json: Json = False) -> None:
    """Stop everything that was started, and remove its data; the logs stay."""
    with activity() as show:
        work = show.begin("stop the local cloud")
        stopped = clouds.stop(folder)
        work.finish("stopped, its data is removed" if stopped else "nothing was running")
    if json:
        print_json({"stopped": stopped})


def start(show: Activity, folder: Path, items: int, data: Path | None) -> Cloud:
    """Start a cloud and show each server as it gets ready."""
    work = show.begin("start the local cloud")
    ready: list[str] = []

    def on_ready(name: str) -> None:
        ready.append(name)
        work.update(f"{', '.join(ready)} ready", len(ready), 3)

    cloud = clouds.start(folder, items=items, data=data, on_ready=on_ready)
    work.finish(", ".join(ready))
    return cloud


def deploy(show: Activity, cloud: Cloud, authority: Path | None = None) -> deployment.Deployment:
    """Apply the environment and show each resource."""
    work = show.begin("terraform apply")
    made = 0

    def on_progress(progress: deployment.Progress) -> None:
        nonlocal made
        made = progress.done
        work.update(progress.address.removeprefix("module.platform."), progress.done, progress.planned)

    result = deployment.deploy(cloud, on_progress=on_progress, authority=authority)
    work.finish(f"{made} resources")
    return result


def describe(cloud: Cloud) -> dict[str, object]:
    """Where things are, for programs."""
    return {
        "folder": str(cloud.instance.folder),
        "emulator": cloud.emulator_url,
        "endpoint": cloud.endpoint_url,
        "ca_file": str(cloud.instance.ca_file),
        "logs": str(cloud.instance.logs),
    }
