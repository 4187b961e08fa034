"""What a source is: one YAML file, read into typed models."""

from xmlift.catalogue.document import load_source
from xmlift.catalogue.model import Source
from xmlift.catalogue.stream import Stream

__all__ = ["Source", "Stream", "load_source"]
