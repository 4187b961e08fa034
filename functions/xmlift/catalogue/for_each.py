"""Partitions: a stream that is read once for each record of another one."""

from xmlift.catalogue.strict import Model, Name


class ForEach(Model, frozen=True):
    """A series of requests for each value that a column of another stream's table has: a partition."""

    stream: Name
    field: Name
