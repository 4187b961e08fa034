"""What becomes of staged rows (L4–L7): a module for each of the catalogue's dispositions.

Each says which windows of a batch it loads, and brings their rows from the stages to the targets, counting. It
runs inside the loader's transaction, behind the stream's lock.
"""

from xmlift.catalogue import Stream
from xmlift.dispositions.append import Append
from xmlift.dispositions.delta import continuing
from xmlift.dispositions.disposition import Chosen, Disposition, Targets, counted, targets_of
from xmlift.dispositions.merge import Merge
from xmlift.dispositions.replace import Replace
from xmlift.dispositions.scd2 import History

__all__ = ["Chosen", "Disposition", "Targets", "continuing", "counted", "disposition_of", "targets_of"]


def disposition_of(stream: Stream, targets: Targets) -> Disposition:
    match stream.disposition:
        case "append":
            return Append(targets)
        case "merge":
            return Merge(targets, stream)
        case "replace":
            return Replace(targets)
        case "scd2":
            return History(targets, stream)
