"""The controls of the XML endpoint: what it serves, its clock, its own truth."""

from typing import Any

import requests

from local.cloud import Cloud


def status(cloud: Cloud) -> dict[str, Any]:
    """What the endpoint serves: `families` (names of sources), `items`, `now`."""
    return dict(_call(cloud, "GET", "status"))


def advance(cloud: Cloud, *, change: int, create: int, delete: int = 0) -> dict[str, Any]:
    """Let time pass at the endpoint: some items change, some are created, some deleted; answers their ids."""
    return dict(_call(cloud, "POST", "advance", {"change": change, "create": create, "delete": delete}))


def add_project_area(cloud: Cloud, name: str) -> None:
    """From now on work items are created there, too."""
    _call(cloud, "POST", "project_areas", {"add": name})


def remove_project_area(cloud: Cloud, name: str) -> None:
    """The project area is gone with all of its work items, and no feed of deletions tells of them."""
    _call(cloud, "POST", "project_areas", {"remove": name})


def set_pace(cloud: Cloud, path: str, requests: int, seconds: float) -> None:
    """Let the endpoint refuse more than so many requests in so many seconds, with 429 and Retry-After."""
    _call(cloud, "POST", "paces", [{"path": path, "requests": requests, "seconds": seconds}])


def truth(cloud: Cloud) -> list[dict[str, Any]]:
    """All work items as the endpoint holds them, by id."""
    return list(_call(cloud, "GET", "items"))


def states(cloud: Cloud, first: int = 0) -> list[dict[str, Any]]:
    """Every state that a work item ever had, in order, from the first-th on."""
    return list(_call(cloud, "GET", f"states?first={first}"))


def pending_faults(cloud: Cloud) -> list[dict[str, Any]]:
    """The endpoint's faults that have not struck as often as they may."""
    return list(status(cloud)["faults"])


def add_fault(cloud: Cloud, **fault: Any) -> None:
    """Let the endpoint's next answers go wrong; `local.endpoint.faults.Fault` says how."""
    _call(cloud, "POST", "faults", fault)


def clear_faults(cloud: Cloud) -> None:
    _call(cloud, "DELETE", "faults")


def _call(cloud: Cloud, method: str, name: str, body: Any = None) -> Any:
    url = f"{cloud.endpoint_url}/_endpoint/{name}"
    answer = requests.request(method, url, json=body, verify=str(cloud.instance.ca_file), timeout=60)
    answer.raise_for_status()
    return answer.json()
