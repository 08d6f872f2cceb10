"""What can go wrong through no fault of the code: each kind has the exit code that an operator sees."""


class UserError(Exception):
    """Something the caller can put right: its text names the thing, shows the value and says what to write instead."""

    exit_code = 2


class ContractBroken(UserError):
    """The delivery breaks its contract: a missing column, an empty file, more rows refused than allowed."""

    exit_code = 3


class GateRefused(UserError):
    """The candidate model did not pass the gates of the settings."""

    exit_code = 4


class ModelRefused(UserError):
    """A model that must not be used: another hash, feature set or schema than was registered."""

    exit_code = 5


class TryAgain(UserError):
    """Locked or out of reach right now; the same command may work later."""

    exit_code = 6


class LimitPassed(UserError):
    """All was done, and what came of it passes a limit of the settings: tell whoever answers for the risk."""

    exit_code = 7
