"""What the numbers were measured on."""

import platform
import re
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import psutil
from lxml import etree

# What a page's bytes go through between the endpoint and the part.
LIBRARIES = ("lxml", "isal", "msgspec", "requests", "boto3", "psycopg2-binary", "pandas")


def described() -> list[list[str]]:
    """Rows of (what, which) for the page."""
    return [
        ["processor", f"{_processor()}, {psutil.cpu_count()} vCPU"],
        ["memory", f"{psutil.virtual_memory().total / 1024**3:.0f} GiB"],
        ["system", _system()],
        ["Python", f"{platform.python_version()}, {platform.python_compiler()}"],
        ["libraries", ", ".join(f"{name} {version(name)}" for name in LIBRARIES)],
        ["libxml2", f"{'.'.join(map(str, etree.LIBXML_VERSION))} in lxml, {_xmllint()} in xmllint"],
    ]


def _processor() -> str:
    if sys.platform == "darwin":
        return _said("sysctl", "-n", "machdep.cpu.brand_string") or platform.processor()
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def _system() -> str:
    if sys.platform == "darwin":
        return f"macOS {platform.mac_ver()[0]} {platform.machine()}"
    name = platform.freedesktop_os_release().get("PRETTY_NAME", platform.system())
    return f"{name}, Linux {platform.release().partition('-')[0]} {platform.machine()}"


def _xmllint() -> str:
    """xmllint's libxml2, which it writes as 20914 for 2.9.14, and on standard error."""
    said = subprocess.run(["xmllint", "--version"], capture_output=True, text=True, check=False).stderr
    found = re.search(r"libxml version (\d+)(\d\d)(\d\d)", said)
    return ".".join(str(int(digits)) for digits in found.groups()) if found else "an unknown one"


def _said(*command: str) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip()
