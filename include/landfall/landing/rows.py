"""The rows of a table model, put into the bucket as one Parquet file that is named after its content."""

import hashlib
import io

from landfall.objects.errors import translated
from landfall.objects.listing import ObjectStore, endpoint_of
from landfall.spec import RowsFile, TableModel


def land_rows(client: ObjectStore, bucket: str, model: TableModel) -> RowsFile:
    """Ask the model for its rows and put them where its training reads them.

    The same rows are the same file, so that putting them again changes nothing; other rows are another file, and what an
    earlier version has learnt from stays.

    Raises:
        LandingError: the store cannot be written to.
    """
    import pyarrow.parquet as pq

    table, content = model.rows(), io.BytesIO()
    pq.write_table(table, content)
    sha256 = hashlib.sha256(content.getvalue()).hexdigest()
    key = f"{model.folder}{sha256[:16]}.parquet"
    with translated(
        f"The rows of `{model.name}` could not be put into the bucket",
        bucket=bucket,
        endpoint=endpoint_of(client),
        left="nothing was trained",
    ):
        body = io.BytesIO(content.getvalue())
        client.put_object(Bucket=bucket, Key=key, Body=body, ContentType="application/vnd.apache.parquet")
    return RowsFile(key=key, sha256=sha256, rows=table.num_rows)
