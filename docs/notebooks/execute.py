"""Execute the notebooks of this folder on the stack, and write what they show into them.

    python docs/notebooks/execute.py            all of them, on the stack of LANDFALL_HOME
    python docs/notebooks/execute.py NAME...    in_database, say

What is committed was written by this; a test executes them anew by the same function.
"""

import os
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from traitlets.config import Config

FOLDER = Path(__file__).resolve().parent
METADATA = {
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
    "language_info": {"name": "python", "file_extension": ".py"},
}


def execute(path: Path, environment: Mapping[str, str]) -> nbformat.NotebookNode:
    """The notebook with what its cells show, in a new kernel of this interpreter.

    Raises:
        nbclient.exceptions.CellExecutionError: a cell failed that is not tagged `raises-exception`.
    """
    notebook = nbformat.read(path, as_version=4)
    with tempfile.TemporaryDirectory() as folder:
        client = NotebookClient(
            notebook,
            timeout=300,
            kernel_name="python3",
            record_timing=False,
            coalesce_streams=True,
            resources={"metadata": {"path": folder}},
            config=Config({"KernelManager": {"transport": "ipc", "ip": f"{folder}/kernel"}}),
        )
        # A kernel of this environment, whatever the person has installed, without a profile or a startup file of theirs.
        client.execute(env={**environment, "JUPYTER_PREFER_ENV_PATH": "1", "IPYTHONDIR": folder})
    notebook.metadata = nbformat.from_dict(METADATA)
    return notebook


def main(names: list[str]) -> None:
    """Execute and write."""
    for path in [FOLDER / f"{name}.ipynb" for name in names] or sorted(FOLDER.glob("*.ipynb")):
        print(path.name)
        nbformat.write(execute(path, os.environ), path)


if __name__ == "__main__":
    main(sys.argv[1:])
