"""The algorithms that learn one step at a time. Each is pure: numbers in, numbers out, no database, no clock, no chance."""

from landfall.changes.learners.bayes import Bayes
from landfall.changes.learners.k_means import KMeans
from landfall.changes.learners.learner import Learner, Rows, Values
from landfall.changes.learners.linear import Linear, Logistic
from landfall.spec.online import OnlineLearner
from landfall.spec.online_algorithms import DecayedKMeans, GaussianBayes, SgdRegression

__all__ = ["Bayes", "KMeans", "Learner", "Linear", "Logistic", "Rows", "Values", "learner_of"]


def learner_of(declared: OnlineLearner) -> Learner:
    """The algorithm that a declaration names."""
    algorithm, size, classes = declared.algorithm, len(declared.features), len(declared.classes)
    if isinstance(algorithm, DecayedKMeans):
        return KMeans(algorithm, size)
    if isinstance(algorithm, GaussianBayes):
        return Bayes(algorithm, size, classes)
    if isinstance(algorithm, SgdRegression):
        return Linear(algorithm, size)
    return Logistic(algorithm, size, classes)
