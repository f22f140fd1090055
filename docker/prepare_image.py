"""Run while the image is built: fetch the jars and Java that the embedded stack uses, under names that do not change.

Leaves `jars/spark`, `java` and `spark` beside the project, as links: the embedded stack's own folders carry a digest.
"""

import shutil

from landfall.stack import jars, java, layout


def main() -> None:
    """Fetch what is missing and link it."""
    project, cache = layout.project_root(), layout.cache()
    chosen = java.choose(cache)
    fetched = jars.fetch(jars.SPARK, cache, chosen)
    shutil.rmtree(cache / "ivy", ignore_errors=True)  # downloads that the jars' folder holds again
    (project / "jars").mkdir()
    (project / "jars" / "spark").symlink_to(fetched)
    (project / "java").symlink_to(chosen.home)
    (project / "spark").symlink_to(jars.pyspark_home())


if __name__ == "__main__":
    main()
