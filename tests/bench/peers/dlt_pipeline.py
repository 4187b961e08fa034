"""dlt with xmltodict, as its documentation reads XML files, into CSV files.

From dlt's "Advanced filesystem usage", "Example: read data from XML files"; a list of records is yielded, which the
same page recommends for performance, and the destination is its filesystem with `loader_file_format="csv"` ("Loader
file format"). The comments are left out of the records, as they are by all others here. dlt makes child fields
columns (`state__name`), finds out the types by itself, and adds two columns of its own.
"""

import os
from collections.abc import Iterator

import dlt
import xmltodict
from dlt.common.storages.fsspec_filesystem import FileItemDict
from dlt.common.typing import TDataItems
from dlt.destinations import filesystem as files
from dlt.sources.filesystem import filesystem
from timed import Job, measure

# Nothing is reported to anybody from here.
os.environ["RUNTIME__DLTHUB_TELEMETRY"] = "false"


@dlt.transformer
def read_xml(items: Iterator[FileItemDict]) -> Iterator[TDataItems]:
    """The records of each file."""
    for item in items:
        with item.open() as file:
            records = xmltodict.parse(file.read())["workitem"]["workItem"]
        for record in records:
            record.pop("comments", None)
        yield records


def read(job: Job) -> None:
    """Run the pipeline once, from nothing."""
    found = filesystem(bucket_url=job.corpus.parent.as_uri(), file_glob=job.corpus.name)
    pipeline = dlt.pipeline(
        pipeline_name="bench",
        pipelines_dir=str(job.folder / "pipelines"),
        destination=files(bucket_url=(job.folder / "files").as_uri()),
        dataset_name="bench",
    )
    pipeline.run((found | read_xml()).with_name("work_items"), loader_file_format="csv")


if __name__ == "__main__":
    measure(read)
