"""The operator's command line: `python scripts/lift.py VERB`, or the make target of the same name."""

import os
import signal
import sys
from pathlib import Path
from typing import Any


def _leave(*_: object) -> None:
    """Ctrl-C while modules are still read: nothing has begun that has to be ended, and nothing may catch it."""
    os.write(2, b"Interrupted\n")
    os._exit(130)


# Where it is ignored, as in the background of a shell, it stays so.
if __name__ == "__main__" and signal.getsignal(signal.SIGINT) is signal.default_int_handler:
    signal.signal(signal.SIGINT, _leave)

# The verbs, the local cloud beside them, and the library that the functions carry.
sys.path[:0] = [str(Path(__file__).resolve().parents[1] / "functions")]

import click
import psycopg2
import requests
import typer
from botocore.exceptions import BotoCoreError, ClientError, HTTPClientError
from typer.core import TyperGroup

from commands import (
    backfill,
    cloud,
    demo,
    deploy,
    doctor,
    drift,
    drop,
    github,
    package,
    plan,
    publish,
    query,
    rebuild_ledger,
    replay,
    rollback,
    run,
    runs,
    secret,
    smoke,
    status,
    validate,
)
from commands.display import fail, say
from commands.environments import is_on_aws
from local.environment import scrub
from operate.errors import OperatorError
from xmlift.errors import XmliftError


class Verbs(TyperGroup):
    """Tells what a person can remedy in words; everything else is a fault of ours and keeps its traceback."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except (OperatorError, XmliftError) as error:
            fail(str(error))
        except psycopg2.errors.InsufficientPrivilege as error:
            fail(f"The warehouse refuses its user that: {' '.join(str(error).split())}")
            say("The caller's IAM role has to stand in `warehouse.readers` of the environment")
        except psycopg2.errors.QueryCanceled as error:  # one of OperationalError's kinds, and no silence
            fail(f"The warehouse cancelled it: {' '.join(str(error).split())}")
        except (HTTPClientError, requests.ConnectionError, psycopg2.OperationalError) as error:
            fail(f"{'AWS' if is_on_aws(sys.argv) else 'The local cloud'} does not answer: {error}".strip())
            if not is_on_aws(sys.argv):
                say("Its logs are in .local/logs. Remedy: make down, then make demo")
        except ClientError as error:
            if not is_on_aws(sys.argv):
                raise
            fail(f"AWS refused: {error}")
            say("What an operator needs to be allowed stands in docs/operations.md")
        except BotoCoreError as error:
            if not is_on_aws(sys.argv):
                raise
            fail(f"AWS cannot be asked: {error}")
            say("Sign in to it (aws sso login, AWS_PROFILE=…), and look: aws sts get-caller-identity")
        raise typer.Exit(1)


app = typer.Typer(
    name="lift",
    cls=Verbs,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",  # the paragraphs of help flow
    help="Run and operate xmlift: XML endpoints into the warehouse, here on a local cloud.",
)
app.command()(demo.demo)
app.command()(cloud.up)
app.command()(cloud.apply)
app.command()(secret.secret)
app.command()(run.run)
app.command()(status.status)
app.command()(runs.runs)
app.command()(backfill.backfill)
app.command()(replay.replay)
app.command()(drop.drop)
app.command()(rebuild_ledger.rebuild_ledger)
app.command()(cloud.tick)
app.command()(query.query)
app.command()(smoke.smoke)
app.command()(cloud.down)
app.command()(publish.publish)
app.command()(publish.fetch)
app.command()(plan.plan)
app.command()(deploy.deploy)
app.command()(drift.drift)
app.command()(rollback.rollback)
app.add_typer(github.app, name="github")
app.command()(validate.validate)
app.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True})(package.package)
app.command()(doctor.doctor)

if __name__ == "__main__":
    if not is_on_aws(sys.argv):
        scrub(os.environ)
    try:
        if signal.getsignal(signal.SIGINT) is _leave:
            signal.signal(signal.SIGINT, signal.default_int_handler)
        app()
    except KeyboardInterrupt:  # before a verb was found, or after it had ended
        _leave()
