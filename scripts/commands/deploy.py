"""deploy: apply the plan of an environment on AWS that was saved."""

from commands.display import activity, print_json, say
from commands.options import Json
from commands.releases import Env, Packages, Plans, in_words, signed_in
from local.terraform import Progress
from operate import aws
from release import deployments
from release import plans as saved
from release.folders import PACKAGES, PLANS


def deploy(env: Env, packages: Packages = PACKAGES, plans: Plans = PLANS, json: Json = False) -> None:
    """Apply the plan that `plan` has kept, and no other: one that was made of other bytes is refused."""
    with activity() as show:
        release = signed_in(show, env, packages, plans)
        work = show.begin(f"terraform apply {env}")
        made = 0

        def on_progress(progress: Progress) -> None:
            nonlocal made
            made = progress.done
            work.update(progress.address.removeprefix("module.platform."), progress.done, progress.planned)

        summary = saved.apply(release, on_progress)
        work.finish(f"{made} resources, {in_words(summary)}")
        work = show.begin("write down what is live")
        warnings: list[str] = []
        work.finish(str(deployments.settle(aws.deployed(env), summary["commit"], warnings.append)))
    for words in warnings:
        say(words)
    if json:
        print_json(summary)
    else:
        said = f"as commit {summary['commit'][:12]} says" if summary["commit"] else "as no commit says"
        say(f"{env} is deployed {said}. Next: make status ENV={env}")
