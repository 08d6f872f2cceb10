"""The columns of a source table, as delivered."""

from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from enum import Enum

from features.checks import Misdeclared, check_identifier, check_sentence, check_some

KEY = "SK_ID_CURR"
"""The column that names an applicant."""
TARGET = "TARGET"
"""The label: 1 where the applicant later had difficulties to pay, 0 where not, null where nobody knows yet."""
WEIGHT = "SAMPLE_WEIGHT"
"""How many applicants a labelled one stands for; a delivery may come without it, and then each stands for one."""


class Type(Enum):
    """What a contract's columns hold; each says how a CSV cell is read, and which SQL type it becomes."""

    ID = "identifier"
    WHOLE = "whole number"
    AMOUNT = "amount"
    REAL = "real number"
    TEXT = "text"

    @property
    def ddl(self) -> str:
        """The type in Spark's DDL, in capitals."""
        match self:
            case Type.ID | Type.WHOLE:
                return "BIGINT"
            case Type.AMOUNT:
                return "DECIMAL(18,3)"
            case Type.REAL:
                return "DOUBLE"
            case Type.TEXT:
                return "STRING"


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a source table, as delivered.

    Args:
        name: Kaggle's own column name.
        type: How its cells are read.
        about: What it means, in a sentence.
        required: An empty cell breaks the contract.
        codes: A closed list of values (as written in the CSV); any other breaks the contract.
        levels: The values seen so far of an open list; another one is a warning.
        low: The smallest number the contract allows.
        high: The largest number the contract allows.
        protected: Read for the fairness audit only, never a model input.
        absent_from: Files of the table that are delivered without the column; it is null there.
        optional: Any file may come without the column, as those of before it was known do; it is null there.
    """

    name: str
    type: Type
    about: str
    required: bool = False
    codes: tuple[str, ...] = ()
    levels: tuple[str, ...] = ()
    low: float | None = None
    high: float | None = None
    protected: bool = False
    absent_from: tuple[str, ...] = ()
    optional: bool = False

    def __post_init__(self) -> None:
        declaration = f"column {self.name}"
        check_identifier("column", self.name)
        check_sentence(declaration, self.about)
        if self.codes and self.levels:
            raise Misdeclared(f"{declaration} has codes and levels: write codes where no other value may come")
        check_some(declaration, "codes or levels", [*self.codes, *self.levels] or [None])
        if self.required and self.optional:
            raise Misdeclared(f"{declaration} is required and optional: its cells are empty where a file lacks it")
        if self.type is Type.TEXT and (self.low, self.high) != (None, None):
            raise Misdeclared(f"{declaration} is text and has bounds, {self.low} to {self.high}: leave them out")
        if self.type is not Type.TEXT and self.levels:
            raise Misdeclared(f"{declaration} is a {self.type.value} and has levels: write codes, low or high")
        if self.low is not None and self.high is not None and self.low >= self.high:
            raise Misdeclared(f"{declaration} goes from {self.low:g} to {self.high:g}: write the lower bound as low")
        if self.type is not Type.TEXT:
            self.check_codes_are_numbers()

    def check_codes_are_numbers(self) -> None:
        """Refuse a code that no cell of the column can be."""
        for code in self.codes:
            try:
                Decimal(code)
            except InvalidOperation:
                raise Misdeclared(
                    f"column {self.name} is a {self.type.value} and has the code {code!r}: write it as a number"
                ) from None
