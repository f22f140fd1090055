"""What one version of a model does in a table, as SQL: kept in the history, so that going back needs no registry."""

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any, Self

from landfall.deployments.deployment import REASON, VERSION, Deployment
from landfall.deployments.names import literal, quoted
from landfall.scoring import Compiled, PostgreSQL, RowLogic, compile_model, row_logic
from landfall.scoring.form import Ensemble
from landfall.scoring.trees import splits

BATCH, ROW_ID = "landfall batch", "landfall row"
"""The rows that `query` scores, and the column of theirs that it keeps."""


@dataclass(frozen=True, kw_only=True)
class Scoring:
    """One version, compiled.

    Args:
        version: The model's version.
        run_id: The MLflow run that made it.
        inputs: Column -> `number` or `text`.
        outputs: Column that it fills -> type.
        probabilities: Those of the outputs that are probabilities, in the order of the classes.
        logic: How one row is scored, by the trigger.
        query: How many are, in one statement: a SELECT of `ROW_ID`, `prediction`, `reason` and probabilities from `BATCH`.
        splits: How many splits its trees have in all; 0 if it has no trees.
        trees: How many trees it has.
        unscorable: See `Deployment`.
    """

    version: str
    run_id: str
    inputs: dict[str, str]
    outputs: dict[str, str]
    probabilities: tuple[str, ...]
    logic: RowLogic
    query: str
    splits: int
    trees: int
    unscorable: str

    @property
    def for_a_row(self) -> str:
        """How a row is scored, in words."""
        return self.logic.way

    def trigger_body(self, filled: Iterable[str]) -> str:
        """The body of the trigger function.

        Args:
            filled: Every column of the table that some version fills; those that this one does not are emptied.
        """
        given = {
            "prediction": self.logic.prediction,
            **dict(zip(self.probabilities, self.logic.probabilities, strict=True)),
        }
        empty = [name for name in filled if name not in given and name != VERSION]
        unknown = [_assigned(name, "NULL") for name in filled if name not in (VERSION, REASON)]
        lines = ["DECLARE", *self.logic.declarations, "BEGIN", *self.logic.statements]
        lines.append(f"  IF {self.logic.reason} IS NULL THEN")
        lines += [f"  {_assigned(name, value)}" for name, value in given.items()]
        lines += [f"  {_assigned(name, 'NULL')}" for name in empty]
        lines.append("  ELSE")
        lines += [f"  {line}" for line in (self._refused() if self.unscorable == "error" else unknown)]
        if self.unscorable == "null":
            lines.append(f"  {_assigned(REASON, self.logic.reason)}")
        lines.append("  END IF;")
        return "\n".join([*lines, _assigned(VERSION, literal(self.version)), "  RETURN NEW;", "END"])

    def _refused(self) -> list[str]:
        return [
            "  RAISE EXCEPTION USING ERRCODE = 'check_violation',",
            f"    MESSAGE = 'The row cannot be scored: ' || {self.logic.reason} || '.',",
            "    SCHEMA = TG_TABLE_SCHEMA, TABLE = TG_TABLE_NAME,",
            f"    DETAIL = {literal(f'It is scored by version {self.version} of the model.')},",
            "    HINT = 'Mend the row, or deploy the model with --unscorable null.';",
        ]

    def to_json(self) -> str:
        """As the history keeps it; `from_json` reads it."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> Self:
        """What `to_json` wrote."""
        fields: dict[str, Any] = json.loads(text)
        logic: dict[str, Any] = fields.pop("logic")
        lists = {name: tuple(logic[name]) for name in ("declarations", "statements", "probabilities")}
        probabilities = tuple(fields.pop("probabilities"))
        return cls(**fields, probabilities=probabilities, logic=RowLogic(**{**logic, **lists}))


def compile_scoring(asked: Deployment) -> Scoring:
    """The SQL of a deployment. A forest of 100 trees takes a second.

    Raises:
        SpecError: the model's own numbers are so large that every row overflows.
    """
    form = asked.named
    compiled: Compiled = compile_model(form, PostgreSQL())
    trees = form.scorer.trees if isinstance(form.scorer, Ensemble) else ()
    return Scoring(
        version=asked.version,
        run_id=asked.run_id,
        inputs={column.name: column.kind for column in form.inputs},
        outputs=asked.outputs,
        probabilities=asked.probabilities,
        logic=row_logic(form, lambda name: f"NEW.{quoted(name)}"),
        query=compiled.query(quoted(BATCH), [ROW_ID], asked.probabilities),
        splits=sum(1 for tree in trees for _ in splits(tree.root)),
        trees=len(trees),
        unscorable=asked.unscorable,
    )


def _assigned(name: str, value: str) -> str:
    return f"  NEW.{quoted(name)} := {value};"
