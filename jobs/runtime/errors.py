"""What can go wrong through no fault of the code: each kind has the exit code that an operator sees."""


class UserError(Exception):
    """Something the caller can put right: its text names the thing, shows the value and says what to write instead."""

    exit_code = 2
    recorded_as: str | None = None
    """What is kept of it where its text may show cells; None where it never does."""

    def __init__(self, text: str, recorded: str | None = None) -> None:
        """Say what is wrong.

        Args:
            text: For the operator.
            recorded: What `operations/steps` keeps in place of the text, which shows a value of a row.
        """
        super().__init__(text)
        self.recorded = recorded or self.recorded_as or (text.splitlines() or [""])[0]


class ContractBroken(UserError):
    """The delivery breaks its contract: a missing column, an empty file, more rows refused than allowed."""

    exit_code = 3
    recorded_as = "the delivery breaks its contract"


class GateRefused(UserError):
    """The candidate model did not pass the gates of the settings."""

    exit_code = 4


class ModelRefused(UserError):
    """A model that must not be used: another hash, feature set or schema than was registered."""

    exit_code = 5


class NotKept(UserError):
    """What a model was trained or measured on is not where it is looked for: only another training brings it back."""


class TryAgain(UserError):
    """Locked or out of reach right now; the same command may work later."""

    exit_code = 6


class LimitPassed(UserError):
    """All is done and written, and the risk department is to be told: a limit was passed, or nobody can watch it."""

    exit_code = 7
