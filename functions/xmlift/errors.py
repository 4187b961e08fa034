"""The errors of xmlift. Each message says what, where, why and the remedy, and carries no credential.

Their class names are what Step Functions sees as the error's name: the state machine never retries them,
because a second call with the same input would end the same way.
"""


class XmliftError(Exception):
    """Anything that a person has to mend: a catalogue, an endpoint, a grant, a mapping."""


class CatalogueError(XmliftError):
    """A source's YAML is missing, ambiguous or wrong."""


class SourceError(XmliftError):
    """The endpoint did not answer, refused the login, or answered something other than the XML asked for."""


class RecordError(XmliftError):
    """A page cannot be read as the declared records: not well-formed, cut short, or of another root."""


class RowError(XmliftError):
    """Rows do not fit their declared columns, beyond the limit that the stream allows."""


class LandingError(XmliftError):
    """What stands on S3 is not what its name or commit promises."""


class WarehouseError(XmliftError):
    """The warehouse refused a statement, a login or a load."""


class DataFaultError(WarehouseError):
    """The data of a batch cannot be loaded, whoever tries and whenever: some window of it is at fault."""


class PlanError(XmliftError):
    """A run that must not begin: another one is at work, or its input asks for what cannot be done."""


class LockedOutError(WarehouseError):
    """Others held a stream's lock for all of a call's time: the next call goes on waiting."""
