"""xmltodict and pandas.json_normalize: the shortest script that there is.

As both show it (xmltodict, README; pandas, `json_normalize`), with `force_list`, which xmltodict recommends for
what may be one or many.
"""

import pandas
import xmltodict
from timed import GZIP, Job, measure


def read(job: Job) -> None:
    """Read the page as dictionaries, make them a table, write it."""
    with job.corpus.open("rb") as page:
        document = xmltodict.parse(page, force_list=("workItem", "comments"))
    table = pandas.json_normalize(document["workitem"]["workItem"], sep="/")
    wanted = table.reindex(columns=list(job.columns.values()))
    wanted.to_csv(job.output, index=False, header=list(job.columns), compression=GZIP)


if __name__ == "__main__":
    measure(read)
