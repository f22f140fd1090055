"""SQL cells for IPython and Jupyter: `%load_ext landfall.notebook`, then `%sql` and `%%sql` on the predictions database.

Each cell has its own connection; several statements in one cell are one transaction. Rows come as a data frame of pandas;
`rows = %sql SELECT ...` keeps them. Landfall's errors are shown as their text, in every cell, without a stack trace.

In the notebook, MLflow finds the registry and the bucket of the stack, unless the environment names another endpoint.
"""

import os
from typing import TYPE_CHECKING, Any

from landfall.database import NO_END, connect
from landfall.database.statements import StatementResult, execute
from landfall.errors import LandfallError
from landfall.stack import environment, settings

if TYPE_CHECKING:
    import pandas as pd


def load_ipython_extension(shell: Any) -> None:
    """Called by `%load_ext`, with the running `InteractiveShell`."""
    from IPython.core import magic

    as_it_stands: Any = magic.no_var_expand
    shell.register_magic_function(as_it_stands(sql), magic_kind="line_cell")
    shell.set_custom_exc((LandfallError,), _explain)
    if "LANDFALL_S3_ENDPOINT" not in os.environ:
        # The keys come with their endpoint: a person's own keys are never sent to the stack's server.
        variables = {name: value for name, value in environment().items() if name.startswith(("AWS_", "MLFLOW_"))}
        os.environ.update({**variables, "MLFLOW_TRACKING_URI": settings().mlflow_tracking_uri})


def sql(line: str, cell: str = "") -> "pd.DataFrame | None":
    """Runs `%sql STATEMENT`, or `%%sql` and the statements below it. Returns the last one's result and shows the others'.

    Raises:
        PublishingError: PostgreSQL refuses a statement, or does not answer. None of the statements took effect.
    """
    from IPython import display

    show: Any = display.display
    with connect(settings(), longest=NO_END, migrated=False) as conn:
        results = execute(conn, f"{line}\n{cell}")
    for number, result in enumerate(results, 1):
        if not result.columns:
            print(result.status)
        elif number == len(results):
            return _frame(result)
        else:
            show(_frame(result))
    return None


def _frame(result: StatementResult) -> "pd.DataFrame":
    """The rows. If there is a null, all columns keep PostgreSQL's values, so that whole numbers beside it stay whole."""
    import pandas as pd

    frame = pd.DataFrame(result.rows, columns=list(result.columns), dtype=object)
    return frame if frame.isna().to_numpy().any() else frame.infer_objects()


def _explain(shell: Any, kind: type[LandfallError], error: LandfallError, *_: object, **__: object) -> None:
    """Shows the text of an error, where IPython would show a stack trace."""
    shell._showtraceback(kind, error, [f"{kind.__name__}: {error}"])
