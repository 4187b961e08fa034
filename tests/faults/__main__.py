"""`make faults`: the campaign on a local cloud of its own.

    python -m tests.faults --seed 1 --runs 500 [--kinds a,b] [--only n] [--folder F] [--keep] [--write]

Ends with 1 at the first violation, keeping the cloud's folder, and says how to see it again.
"""

import argparse
import os
import sys
import tempfile
import time
from pathlib import Path

from tests.faults import pipeline as pipelines
from tests.faults import summary
from tests.faults.campaign import Campaign, ViolationError, say
from tests.faults.kinds import KINDS

from local import cloud as clouds
from local.environment import scrub

ITEMS = 120


def main() -> int:
    options = _options()
    scrub(os.environ)
    kinds = options.kinds.split(",") if options.kinds else list(KINDS)
    if unknown := sorted(set(kinds) - set(KINDS)):
        say(f"no kind {', '.join(unknown)}; there are {', '.join(KINDS)}")
        return 2
    folder = options.folder or Path(tempfile.mkdtemp(prefix="xmlift-faults-"))
    kept = clouds.find(folder) is not None
    began = time.monotonic()
    violated = False
    try:
        pipeline = pipelines.find(folder) if kept else pipelines.set_up(folder, ITEMS)
        campaign = Campaign(pipeline, options.seed)
        campaign.first_load()
        say(
            f"{len(kinds)} kinds, seed {options.seed}; ready after {time.monotonic() - began:.0f} s in {folder}"
        )
        numbers = [options.only] if options.only else range(1, options.runs + 1)
        for outcome in campaign.run(numbers, kinds):
            say(
                f"{outcome.number:4d}  {outcome.kind.name:22s} {'+'.join(outcome.statuses):22s} "
                f"{outcome.recoveries} more  {outcome.seconds:5.1f} s  {outcome.detail}"
            )
    except ViolationError as violation:
        violated = True
        say(f"\nVIOLATION in {violation}\n")
        say(
            f"Evidence: {folder} (the cloud is still running; stop it with: scripts/lift.py down --folder {folder})"
        )
        say(
            f"Again: make faults SEED={options.seed} ONLY=<run>{f' KINDS={options.kinds}' if options.kinds else ''}"
        )
    finally:
        if not (violated or kept or options.keep):
            clouds.stop(folder)
    if violated:
        return 1
    say(summary.table(campaign.tallies))
    if options.write:
        summary.write(campaign.tallies, options.seed, options.runs, campaign.looks, time.monotonic() - began)
    return 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make faults", description=__doc__)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--runs", type=int, default=500)
    parser.add_argument("--kinds", default="", help="by name, with commas; all without it")
    parser.add_argument("--only", type=int, help="this run of the seed alone")
    parser.add_argument(
        "--folder", type=Path, help="of the cloud; one that runs there is used, and left running"
    )
    parser.add_argument("--keep", action="store_true", help="leave the cloud running")
    parser.add_argument("--write", action="store_true", help="put the table into docs/reliability.md")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
