"""GitHub, as far as it is told anything: a `gh` that keeps a repository in a file."""

import json
import sys
from pathlib import Path
from typing import Any

from release.github import GitHub

# As gh does: it answers what `--jq` of the call at hand would let through.
GH = """#!{python}
import json, sys
from pathlib import Path
kept = Path({kept!r})
state = json.loads(kept.read_text())
words = sys.argv[1:]
state["calls"].append(" ".join(words[:3]))
given = sys.stdin.read() if "-" in words or "body=@-" in words else ""
def answer(lines):
    sys.stdout.writelines(f"{{line}}\\n" for line in lines)

match words:
    case ["api", "--paginate", thread, "--jq", jq]:
        _, mark, _, login, _ = jq.split('"')
        by = state["authors"]
        answer(n for n, body in state["comments"].items() if body.startswith(mark) and by.get(n, login) == login)
    case ["api", "user", "--jq", ".login"]:
        answer(["me"])
    case ["api", "--method", "POST", "repos/{{owner}}/{{repo}}/deployments", "--input", "-", *_]:
        wanted = json.loads(given)
        assert (wanted["auto_merge"], wanted["required_contexts"]) == (False, [])
        number = str(len(state["deployments"]) + 1)
        state["deployments"].insert(0, [number, wanted["ref"]])
        state["statuses"][number] = []
        answer([number])
    case ["api", "--method", "POST", where, "-f", told] if where.endswith("/statuses"):
        state["statuses"][where.split("/")[-2]].append(told.removeprefix("state="))
    case ["api", "--method", "POST", thread, *_]:
        state["comments"][str(len(state["comments"]) + 1)] = given
    case ["api", "--method", "PATCH", one, *_]:
        state["comments"][one.rsplit("/", 1)[1]] = given
    case ["api", where, *_] if where.endswith("/statuses"):
        answer(state["statuses"][where.split("/")[-2]])
    case ["api", where, *_] if "environment=prod" in where:
        answer(f"{{number}}\\t{{commit}}" for number, commit in state["deployments"])
    case ["issue", "list", "--state", "open", "--label", "drift", *_]:
        print(json.dumps([issue for issue in state["issues"] if issue["open"]]))
    case ["issue", "create", "--title", title, "--label", "drift", *_]:
        state["issues"].append({{"number": len(state["issues"]) + 1, "title": title, "body": given, "open": True}})
    case ["issue", "edit", number, *_]:
        state["issues"][int(number) - 1]["body"] = given
    case ["issue", "close", number, *_]:
        state["issues"][int(number) - 1]["open"] = False
    case ["label", "create", *_]:
        pass
    case _:
        sys.exit(f"unknown: {{words}}")
kept.write_text(json.dumps(state))
"""


class Repository:
    """GitHub's side of it."""

    def __init__(self, folder: Path) -> None:
        self._kept = folder / "github.json"
        self.write(comments={}, authors={}, issues=[], deployments=[], statuses={}, calls=[])
        command = folder / "gh"
        command.write_text(GH.format(python=sys.executable, kept=str(self._kept)))
        command.chmod(0o755)
        self.client = GitHub(str(command))

    def write(self, **state: Any) -> None:
        known = json.loads(self._kept.read_text()) if self._kept.exists() else {}
        self._kept.write_text(json.dumps(known | state))

    def __getitem__(self, name: str) -> Any:
        return json.loads(self._kept.read_text())[name]
