"""What can go wrong, as typed errors that say what to do next.

Every error of Landfall is a `LandfallError`. Its message has four parts: what failed (with the name), where we looked,
what is left behind, and the next command to type. Nothing here prints; the command line and the task log do.
"""

from collections.abc import Mapping
from difflib import get_close_matches
from typing import ClassVar, Literal, Self, get_args

Fault = Literal["input", "request", "server"]
"""Who is at fault. `input`: what landed, or was learnt from; the same input fails again. `request`: what somebody asked for,
declared or configured; a person has to mend it. `server`: a server was away or broke; the same attempt may succeed later."""


class LandfallError(Exception):
    """An error for a person: what failed, where we looked, what is left behind, what to type next.

    Args:
        what: What failed, with the name of the thing in backquotes.
        looked: Where we looked, or what came instead of what was expected.
        left: What state things are in now.
        next: The next command to type, or the next thing to do.
        fault: Who is at fault, if not the `usual` one of the class. Only a failure of a `server` is tried again.
    """

    usual: ClassVar[Fault] = "server"

    def __init__(
        self, what: str, *, looked: str = "", left: str = "", next: str = "", fault: Fault | None = None
    ) -> None:
        self.what, self.looked, self.left, self.next = what, looked, left, next
        self.fault: Fault = fault or self.usual
        lines = [what, looked and f"  looked: {looked}", left and f"  left: {left}", next and f"  next: {next}"]
        super().__init__("\n".join(line for line in lines if line))

    def __reduce__(self) -> tuple[object, ...]:
        return (from_dict, (self.to_dict(), type(self)))

    def as_dict(self) -> dict[str, str]:
        """The error as the `--json` output of the command line gives it."""
        fields = {"error": self.what, "looked": self.looked, "left": self.left, "next": self.next}
        return {"type": type(self).__name__, **{name: text for name, text in fields.items() if text}}

    def to_dict(self) -> dict[str, str]:
        """The error for another process, whose `from_dict` makes it again."""
        return {**self.as_dict(), "fault": self.fault}

    @classmethod
    def unknown(cls, kind: str, name: str, known: list[str], *, next: str = "") -> Self:
        """An unknown name, with the nearest match among those that exist."""
        near = get_close_matches(name, known, n=1)
        hint = f" Did you mean `{near[0]}`?" if near else ""
        return cls(
            f"There is no {kind} `{name}`.{hint}",
            looked=f"known: {', '.join(known) or 'none'}",
            next=next,
            fault="request",
        )


def from_dict(saved: Mapping[str, str], usual: type[LandfallError] = LandfallError) -> LandfallError:
    """The error that `to_dict` wrote in another process; of the class `usual` if this process does not know its class.

    Raises:
        KeyError: `saved` is no error.
    """
    kind = globals().get(saved.get("type", ""), usual)
    known = kind if isinstance(kind, type) and issubclass(kind, LandfallError) else usual
    fault = next((known_fault for known_fault in get_args(Fault) if known_fault == saved.get("fault")), None)
    fields = {name: str(saved.get(name, "")) for name in ("looked", "left", "next")}
    return known(str(saved["error"]), **fields, fault=fault)


class SpecError(LandfallError):
    """A declaration that makes no sense. Raised when it is made, before anything runs."""

    usual = "request"


class SettingsError(LandfallError):
    """A setting (environment variable) is missing or malformed."""

    usual = "request"


class LandingError(LandfallError):
    """What landed cannot be used, or the object store cannot be asked."""


class ContractError(LandfallError):
    """The rows of a partition break the contract beyond what the pipeline allows."""

    usual = "input"


class ComputeError(LandfallError):
    """A Spark job failed, or Spark could not be reached."""


class ModelError(LandfallError):
    """The registry has no usable model, or cannot be asked."""


class DeploymentError(LandfallError):
    """A model cannot be deployed to a table as it was asked for."""

    usual = "request"


class PublishingError(LandfallError):
    """A prediction table could not be staged, checked, swapped or read."""


class OutdatedError(PublishingError):
    """A publication was made from an older look at its inputs than the one that readers see."""


class StackError(LandfallError):
    """A part of the embedded stack is missing, broken or already there."""


class RunError(LandfallError):
    """An Airflow run could not be started or did not succeed."""

    usual = "request"

    status = 0
    """The HTTP status with which a server refused; 0 if none answered."""


class StreamError(LandfallError):
    """A stream cannot be driven, or its broker cannot be asked."""
