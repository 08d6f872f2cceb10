"""The notebook runs from top to bottom on a lake, and holds neither logic nor outputs."""

import ast
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

from tests.processes import CONNECTED, PROJECT

NOTEBOOK = PROJECT / "notebooks" / "explore.ipynb"
DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda)


def code_cells() -> list[nbformat.NotebookNode]:
    return [cell for cell in nbformat.read(NOTEBOOK, as_version=4).cells if cell.cell_type == "code"]


def test_it_holds_no_outputs_and_no_logic():
    assert code_cells()
    for cell in code_cells():
        assert cell.outputs == []
        assert cell.execution_count is None
        assert not [node for node in ast.walk(ast.parse(cell.source)) if isinstance(node, DEFINITIONS)]


def test_it_runs_on_a_lake(demo_lake: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("HOME_CREDIT_LAKE", str(demo_lake))
    # The kernel starts a Spark of its own, not the suite's.
    for name in ("PYSPARK_GATEWAY_PORT", CONNECTED):
        monkeypatch.delenv(name, raising=False)
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    client = NotebookClient(notebook, timeout=300, resources={"metadata": {"path": str(NOTEBOOK.parent)}})
    client.execute()
    ran = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert [cell.execution_count for cell in ran] == list(range(1, len(ran) + 1))
    assert "external scores" in str(ran)
