"""Contracts of tables that no delivery has."""

from features.spec import Column, Type


def made_up(*names: str) -> tuple[Column, ...]:
    """Numbers that are always there."""
    return tuple(Column(name, Type.REAL, "Made up.", required=True) for name in names)
