"""Turns scores into a prediction, and into one probability per class."""

from collections.abc import Sequence

from landfall.scoring.form import Classes, Model, Nearest, Value
from landfall.scoring.statement import Scope, Term, joined


class Decision:
    """Turns the scores of one model, which are bound to names, into its prediction and probabilities."""

    def __init__(self, scope: Scope, scores: Sequence[Term]) -> None:
        self.scope, self.dialect, self.scores = scope, scope.dialect, scores

    def of(self, model: Model) -> tuple[Term, list[Term]]:
        """The prediction, and one probability per label; no probabilities if the model predicts no class."""
        if isinstance(model.decision, Classes):
            return self._class(model.decision), self._probabilities(model.decision)
        if isinstance(model.decision, Nearest):
            numbers = [Term(self.dialect.number(float(number))) for number in range(len(self.scores))]
            return self._extreme("least", numbers), []
        return self._linked(model.decision), []

    def _linked(self, value: Value) -> Term:
        score = self.scores[0]
        if value.link == "logistic":
            return self._share(1.0)[1]
        return Term(self.dialect.exp(score.sql), score.uses) if value.link == "exp" else score

    def _class(self, classes: Classes) -> Term:
        labels = [
            Term(self.dialect.text(label) if isinstance(label, str) else self.dialect.number(label))
            for label in classes.labels
        ]
        if classes.probability != "logistic":
            return self._extreme("greatest", labels)
        cut, sign = Term(self.dialect.number(classes.cut)), ">=" if classes.cut_above else ">"
        return joined(f"CASE WHEN {{}} {sign} {{}} THEN {{}} ELSE {{}} END", self.scores[0], cut, labels[1], labels[0])

    def _extreme(self, function: str, labels: Sequence[Term]) -> Term:
        """The label whose score is the least or the greatest; the first of several equal ones."""
        if len(labels) == 1:
            return labels[0]
        best = self._of_all(function)
        parts = [
            joined("WHEN {} = {} THEN {}", score, best, label)
            for score, label in zip(self.scores[:-1], labels[:-1], strict=True)
        ]
        return joined(f"CASE {' '.join('{}' for _ in parts)} ELSE {{}} END", *parts, labels[-1])

    def _of_all(self, function: str) -> Term:
        return self.scope.bind(joined(f"{function}({', '.join('{}' for _ in self.scores)})", *self.scores))

    def _probabilities(self, classes: Classes) -> list[Term]:
        if classes.probability == "scores":
            return list(self.scores)
        if classes.probability == "logistic":
            return self._logistic(classes)
        parts = list(self.scores)
        if classes.probability == "softmax":
            largest = self._of_all("greatest")
            differences = [self.scope.bind(joined("{} - {}", score, largest)) for score in self.scores]
            parts = [
                self.scope.bind(Term(self.dialect.exp(difference.sql), difference.uses)) for difference in differences
            ]
        whole = self.scope.bind(joined(" + ".join("{}" for _ in parts), *parts))
        return [Term(self.dialect.share(part.sql, whole.sql), part.uses | whole.uses) for part in parts]

    def _logistic(self, classes: Classes) -> list[Term]:
        other, direct = self._share(classes.steepness if classes.direct else -classes.steepness)
        return [other, direct] if classes.direct else [direct, other]

    def _share(self, steepness: float) -> tuple[Term, Term]:
        """1 minus the share, and the share: 1 / (1 + exp(-steepness * score))."""
        score, unit = self.scores[0], Term(self.dialect.number(1.0))
        power = self.scope.bind(Term(self.dialect.times(score.sql, -steepness), score.uses))
        raised = self.scope.bind(Term(self.dialect.exp(power.sql), power.uses))
        direct = self.scope.bind(joined("{0} / ({0} + {1})", unit, raised))
        return joined("{} - {}", unit, direct), direct
