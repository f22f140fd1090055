"""Where the files of a new pipeline go: into Landfall's checkout, or into a project of one's own."""

from dataclasses import dataclass
from pathlib import Path

from landfall.errors import SpecError
from landfall.spec.project import own_project


@dataclass(frozen=True)
class Place:
    """The folders of a project, and the packages of its Python files.

    Args:
        root: The project's folder.
        declarations: The package of the declarations.
        jobs: The package of the transforms.
        sources: Package at the top -> the folder, below `root`, in which it lies.
        tests: The folder of the tests, below `root`.
        own: True for a project of one's own.
    """

    root: Path
    declarations: str
    jobs: str
    sources: dict[str, str]
    tests: str
    own: bool

    def file_of(self, module: str) -> str:
        """The file of a module, below `root`."""
        top = module.partition(".")[0]
        return f"{self.sources[top]}{module.replace('.', '/')}.py"


def find_place(root: Path) -> Place:
    """The place at `root`.

    Raises:
        SpecError: there is neither a project of one's own nor Landfall's checkout.
    """
    project = own_project()
    if project is not None:
        return Place(root, project.pipelines, project.jobs, {project.package: ""}, "tests", True)
    if (root / "include/landfall/pipelines").is_dir() and (root / "spark_jobs/etl").is_dir():
        sources = {"landfall": "include/", "spark_jobs": ""}
        return Place(root, "landfall.pipelines", "spark_jobs.etl", sources, "tests/pipelines", False)
    raise SpecError(
        "There is no project here.",
        looked=f"{root}: no pyproject.toml with [tool.landfall], and not Landfall's checkout",
        left="nothing was written",
        next="landfall init DIR && cd DIR",
    )
