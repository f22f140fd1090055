"""Puts the rows of a table model into the bucket, as one Parquet file that is named after its content."""

import hashlib
import io

from landfall.objects.errors import translated
from landfall.objects.listing import ObjectStore, endpoint_of
from landfall.spec import RowsFile, TableModel


def land_rows(client: ObjectStore, bucket: str, model: TableModel) -> RowsFile:
    """Gets the model's rows and puts them where its training reads them.

    The same rows always make the same file, so putting them again changes nothing. Other rows make another file, and the
    file that an earlier version has learnt from stays.

    Raises:
        LandingError: writing to the store failed.
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
