"""One version of a model, compiled to the SQL that scores a table. The history keeps it, so a rollback needs no registry."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Self

from landfall.deployments.names import literal, quoted
from landfall.deployments.request import Unscorable
from landfall.deployments.version import PREDICTION, REASON, VERSION, Registered
from landfall.scoring import PostgreSQL, RowLogic, Shortcut, compile_model, row_logic
from landfall.scoring.form import Ensemble
from landfall.scoring.trees import splits

BATCH, ROW_ID = "landfall batch", "landfall row"
"""The names, in `query`, of the relation whose rows it scores and of the column that it passes on."""


@dataclass(frozen=True, kw_only=True)
class Scoring:
    """One version, compiled.

    Args:
        version: The model's version.
        run_id: The MLflow run that made it.
        inputs: Column that the version reads -> `number` or `text`.
        probabilities: The columns that it fills with probabilities, in the order of the classes.
        logic: The SQL with which the trigger scores one row.
        query: The SQL that scores many rows: a SELECT of `ROW_ID`, `prediction`, `reason` and probabilities from `BATCH`.
        splits: The number of splits in all its trees; 0 if it has no trees.
        trees: The number of its trees.
        unscorable: See `Request`.
        outputs: Column that it fills -> type. `outputs` and `classes` are not compared: they follow from the other fields or
            belong to the deployment.
        classes: The names of the classes; empty: the model's own labels.
    """

    version: str
    run_id: str
    inputs: dict[str, str]
    probabilities: tuple[str, ...]
    logic: RowLogic
    query: str
    splits: int
    trees: int
    unscorable: str
    outputs: Mapping[str, str] = field(compare=False)
    classes: tuple[str, ...] = field(compare=False)

    @property
    def for_a_row(self) -> str:
        """How the trigger scores a row, in words."""
        return self.logic.way

    @property
    def size(self) -> str:
        """The size of its trees in words, such as `, 20 trees with 620 splits`; empty if it has none."""
        trees = "a tree" if self.trees == 1 else f"{self.trees:,} trees"
        return f", {trees} with {'a split' if self.splits == 1 else f'{self.splits:,} splits'}" if self.trees else ""

    def trigger_body(self, filled: Iterable[str]) -> str:
        """The body of the trigger function.

        Args:
            filled: Every column of the table that some version fills. The body empties those that this version does not fill.
        """
        logic, short, version = self.logic, self.logic.shortcut, _assigned(VERSION, literal(self.version))
        unknown = [_assigned(name, "NULL") for name in filled if name not in (VERSION, REASON)]
        lines = ["DECLARE", *logic.declarations, *(short.declarations if short else ()), "BEGIN"]
        if short:
            lines += [f"  IF {short.condition} THEN", *short.statements]
            lines += [*self._known(filled, short), version, "  RETURN NEW;", "  END IF;"]
        lines += [*logic.statements, f"  IF {logic.reason} IS NULL THEN", *self._known(filled, logic), "  ELSE"]
        lines += self._refused() if self.unscorable == "error" else unknown
        if self.unscorable == "null":
            lines.append(_assigned(REASON, logic.reason))
        return "\n".join([*lines, "  END IF;", version, "  RETURN NEW;", "END"])

    def _known(self, filled: Iterable[str], by: RowLogic | Shortcut) -> list[str]:
        """The assignments that fill a row that could be scored: every column but the version's."""
        given = {PREDICTION: by.prediction, **dict(zip(self.probabilities, by.probabilities, strict=True))}
        return [_assigned(name, given.get(name, "NULL")) for name in filled if name != VERSION]

    def _refused(self) -> list[str]:
        return [
            "  RAISE EXCEPTION USING ERRCODE = 'check_violation',",
            f"    MESSAGE = 'The row cannot be scored: ' || {self.logic.reason} || '.',",
            "    SCHEMA = TG_TABLE_SCHEMA, TABLE = TG_TABLE_NAME,",
            f"    DETAIL = {literal(f'It is scored by version {self.version} of the model.')},",
            "    HINT = 'Mend the row, or deploy the model with --unscorable null.';",
        ]

    def to_json(self) -> str:
        """The JSON that the history keeps for a version. `outputs` and `classes` are the deployment's: see `from_json`."""
        return json.dumps({name: value for name, value in asdict(self).items() if name not in ("outputs", "classes")})

    @classmethod
    def from_json(cls, text: str, filled: Mapping[str, str], classes: Iterable[str]) -> Self:
        """The compiled version that `to_json` wrote.

        Args:
            text: What `to_json` gave.
            filled: Column -> type, for each column that the deployment fills.
            classes: The names of the deployment's classes.
        """
        fields: dict[str, Any] = json.loads(text)
        logic: dict[str, Any] = fields.pop("logic")
        short = logic.pop("shortcut", None)
        shortcut = Shortcut(**_with_tuples(short)) if short else None
        probabilities = tuple(fields.pop("probabilities"))
        reason = (REASON,) if fields["unscorable"] == "null" else ()
        return cls(
            **fields,
            probabilities=probabilities,
            logic=RowLogic(**_with_tuples(logic), shortcut=shortcut),
            outputs={name: filled[name] for name in (PREDICTION, *probabilities, *reason, VERSION)},
            classes=tuple(classes),
        )


def _with_tuples(fields: dict[str, Any]) -> dict[str, Any]:
    return {name: tuple(value) if isinstance(value, list) else value for name, value in fields.items()}


def compile_scoring(version: Registered, classes: tuple[str, ...], unscorable: Unscorable) -> Scoring:
    """Compiles a version to SQL. A forest of 100 trees takes a second.

    Args:
        version: The version.
        classes: The names of its classes; empty: the declared names.
        unscorable: See `Request`.

    Raises:
        DeploymentError: the names do not fit its classes, or a column that it fills has the name of one of its inputs.
        SpecError: the model's own numbers are so large that every row overflows.
    """
    version = version.called(classes)
    outputs, form = version.outputs(unscorable), version.form
    trees = form.scorer.trees if isinstance(form.scorer, Ensemble) else ()
    return Scoring(
        version=version.version,
        run_id=version.run_id,
        inputs={column.name: column.kind for column in form.inputs},
        probabilities=version.probabilities,
        logic=row_logic(form, place_in_row),
        query=compile_model(form, PostgreSQL()).query(quoted(BATCH), [ROW_ID], version.probabilities),
        splits=sum(1 for tree in trees for _ in splits(tree.root)),
        trees=len(trees),
        unscorable=unscorable,
        outputs=outputs,
        classes=version.classes,
    )


def place_in_row(column: str) -> str:
    """The expression with which the trigger function reads a column of the row."""
    return f"NEW.{quoted(column)}"


def _assigned(name: str, value: str) -> str:
    return f"  NEW.{quoted(name)} := {value};"
