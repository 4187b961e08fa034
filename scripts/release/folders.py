"""Where what is released is kept on this machine."""

from operate.places import ROOT

PACKAGES = ROOT / "dist"
PLANS = ROOT / ".release"
