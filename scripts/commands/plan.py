"""plan: what an apply would change in an environment on AWS."""

from commands.display import activity, out, print_json, say
from commands.options import Json
from commands.releases import Env, Packages, Plans, in_words, signed_in
from release import plans as saved
from release.folders import PACKAGES, PLANS


def plan(env: Env, packages: Packages = PACKAGES, plans: Plans = PLANS, json: Json = False) -> None:
    """Plan an environment on AWS, and keep the plan for `deploy`.

    Beside it, in .release/ENV, lie plan.md for those who approve it, and plan.json for programs.
    """
    with activity() as show:
        release = signed_in(show, env, packages, plans)
        work = show.begin(f"terraform plan {env}")
        summary = saved.make(release)
        work.finish(in_words(summary))
    if json:
        print_json(summary)
        return
    for change in summary["resources"]:
        out.print(f"{change['action']:<8} {change['address']}", highlight=False, markup=False)
    say(f"In full: {release.folder / 'plan.md'}. Next: make deploy ENV={env}")
