"""The script of faults in the stand-in of Redshift: which statement goes wrong, and how."""

from typing import Any

import requests

from local.cloud import Cloud
from local.servers import url


class WarehouseFaults:
    """The stand-in's control path."""

    def __init__(self, cloud: Cloud) -> None:
        self._url = f"{url(cloud.state.ports, 'warehouse_control')}/_redshift"
        self._http = requests.Session()
        self._http.trust_env = False
        self._http.verify = str(cloud.instance.ca_file)

    def clear(self) -> None:
        """No faults from now on; what is held goes on."""
        self._http.delete(f"{self._url}/faults", timeout=10).raise_for_status()

    def add(self, match: str, action: str, *, by: str = "xmlift-load", **more: Any) -> None:
        """A fault at statements that match, of one function: see `local.redshift.faults.Fault`."""
        fault = {"match": match, "action": action, "application": by, **more}
        self._http.post(f"{self._url}/faults", json=fault, timeout=10).raise_for_status()

    def struck(self) -> int:
        """How often the faults have struck since the last `clear`."""
        told = self._http.get(f"{self._url}/faults", timeout=10).json()
        return sum(fault["struck"] for fault in told["faults"])

    def cut(self, by: str = "xmlift-load") -> int:
        """Cut all sessions of a function."""
        return int(self._http.post(f"{self._url}/cut", json={"application": by}, timeout=10).json()["cut"])

    def restart(self) -> None:
        """Crash the database and start it again."""
        self._http.post(f"{self._url}/restart", timeout=60).raise_for_status()
