"""SQL cells for IPython and Jupyter: `%load_ext landfall.notebook`, then `%sql` and `%%sql` on the predictions database.

Each cell has a connection of its own; several statements in one are one transaction. Rows come as a data frame of pandas, which
`rows = %sql SELECT ...` keeps. An error of Landfall's is shown as its text, in every cell, without a stack trace.

MLflow in the notebook finds the registry and the bucket of the stack, unless the environment names the endpoint of another.
"""

import os
from typing import TYPE_CHECKING, Any

from landfall.database import NO_END, connect
from landfall.database.statements import Result, execute
from landfall.errors import LandfallError
from landfall.stack import environment, settings

if TYPE_CHECKING:
    import pandas as pd


def load_ipython_extension(shell: Any) -> None:
    """What `%load_ext` calls, with the running `InteractiveShell`."""
    from IPython.core import magic

    as_it_stands: Any = magic.no_var_expand
    shell.register_magic_function(as_it_stands(sql), magic_kind="line_cell")
    shell.set_custom_exc((LandfallError,), _explain)
    if "LANDFALL_S3_ENDPOINT" not in os.environ:
        # The keys go with their endpoint: a person's own are never sent to the stack's server.
        told = {name: value for name, value in environment().items() if name.startswith(("AWS_", "MLFLOW_"))}
        os.environ.update({**told, "MLFLOW_TRACKING_URI": settings().mlflow_tracking_uri})


def sql(line: str, cell: str = "") -> "pd.DataFrame | None":
    """Run `%sql STATEMENT`, or `%%sql` and the statements below it. What the last one gives is given; the others' is shown.

    Raises:
        PublishingError: PostgreSQL refuses a statement, or does not answer. None was done.
    """
    from IPython import display

    show: Any = display.display
    with connect(settings(), longest=NO_END, migrated=False) as conn:
        results = execute(conn, f"{line}\n{cell}")
    for number, each in enumerate(results, 1):
        if not each.columns:
            print(each.status)
        elif number == len(results):
            return _frame(each)
        else:
            show(_frame(each))
    return None


def _frame(result: Result) -> "pd.DataFrame":
    """The rows. Where there is a null all columns keep what PostgreSQL gave, so that whole numbers stay so beside it."""
    import pandas as pd

    frame = pd.DataFrame(result.rows, columns=list(result.columns), dtype=object)
    return frame if frame.isna().to_numpy().any() else frame.infer_objects()


def _explain(shell: Any, kind: type[LandfallError], error: LandfallError, *_: object, **__: object) -> None:
    """The text of an error, where IPython would show a stack trace."""
    shell._showtraceback(kind, error, [f"{kind.__name__}: {error}"])
