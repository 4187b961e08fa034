"""pandas.read_xml, with a stylesheet that makes records flat.

Its documentation says that read_xml is for shallow documents and recommends a stylesheet for deeper ones (pandas,
"IO tools", "XML": `stylesheet`). `iterparse`, which it recommends for large files, cannot yield these columns: it
knows fields by their names only, of which a work item has ten called "name" (pandas issue 51183).
"""

import io

import pandas
from timed import GZIP, Job, measure

_STYLESHEET = """\
<xsl:stylesheet version="1.0" xmlns:xsl="http://www.w3.org/1999/XSL/Transform">
<xsl:template match="/workitem">
<workitem><xsl:for-each select="workItem"><workItem>{fields}</workItem></xsl:for-each></workitem>
</xsl:template></xsl:stylesheet>
"""


def read(job: Job) -> None:
    """Read the page as a table, then write it."""
    fields = "".join(
        f'<{column}><xsl:value-of select="{path}"/></{column}>' for column, path in job.columns.items()
    )
    table = pandas.read_xml(
        job.corpus,
        xpath="/workitem/workItem",
        parser="lxml",
        stylesheet=io.StringIO(_STYLESHEET.format(fields=fields)),
    )
    table.to_csv(job.output, index=False, compression=GZIP)


if __name__ == "__main__":
    measure(read)
