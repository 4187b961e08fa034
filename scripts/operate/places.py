"""Where this repository keeps what operators need."""

from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
CATALOGUE = ROOT / "terraform" / "sources"
ENVIRONMENTS = ROOT / "terraform" / "environments"
