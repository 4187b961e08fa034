"""drift: whether an environment on AWS is as the code says."""

import typer

from commands.display import activity, print_json, say
from commands.options import Json
from commands.releases import Env, Packages, Plans, in_words, signed_in
from release import drift as drifts
from release.folders import PACKAGES, PLANS


def drift(env: Env, packages: Packages = PACKAGES, plans: Plans = PLANS, json: Json = False) -> None:
    """Compare an environment on AWS with the code and the packages that are here; nothing is changed.

    Exit code 0: it is as they say. 2: it is not; drift.md and drift.json in .release/ENV say what differs. 1: it
    could not be found out, and neither file is there.
    """
    with activity() as show:
        release = signed_in(show, env, packages, plans)
        work = show.begin(f"terraform plan {env}")
        found = drifts.find(release)
        work.finish(in_words(found))
    if json:
        print_json(found)
    elif found["drift"]:
        say(f"{env} is not as the code says. What differs: {release.folder / 'drift.md'}")
        say(f"Deploy it (make plan ENV={env}), or bring what was changed by hand into the code")
    else:
        say(f"{env} is as the code says")
    if found["drift"]:
        raise typer.Exit(2)
