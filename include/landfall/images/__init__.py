"""Pictures as vectors: which pictures a pipeline accepts, and the gray values of one picture, or why it is refused."""

from landfall.images.decode import Refusal, decode
from landfall.images.picture import Picture

__all__ = ["Picture", "Refusal", "decode"]
