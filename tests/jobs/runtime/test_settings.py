from pathlib import Path

import pytest
from pydantic import ValidationError

from jobs.runtime.errors import UserError
from jobs.runtime.settings import conf_dir, load_settings, parse_override


def refusal(*overrides: str, env: str = "local") -> str:
    with pytest.raises(UserError) as refused:
        load_settings(env, overrides)
    assert refused.value.exit_code == 2
    return str(refused.value)


@pytest.mark.parametrize("env", ["local", "cluster"])
def test_the_files_of_conf_are_valid(env: str) -> None:
    assert load_settings(env).train.num_workers >= 1


def test_the_environment_goes_before_base_and_the_command_line_before_both(tmp_path: Path) -> None:
    mine = tmp_path / "mine.toml"
    mine.write_text("[train]\nnum_workers = 3\nrounds = 30\n")
    base, changed = load_settings(), load_settings(str(mine), ("train.rounds=40",))
    assert (changed.train.num_workers, changed.train.rounds) == (3, 40)
    assert changed.train.max_depth == base.train.max_depth


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("train.rounds=40", 40),
        ("train.learning_rate = 0.1", 0.1),
        ('mlflow.experiment="mine"', "mine"),
        ("mlflow.experiment=mine", "mine"),
        ("mlflow.tracking_uri=https://host:5000/?a=b", "https://host:5000/?a=b"),
        ("mlflow.tracking_uri=", ""),
    ],
)
def test_a_value_is_toml_or_else_text(text: str, value: object) -> None:
    assert parse_override(text)[2] == value


@pytest.mark.parametrize("text", ["train.rounds", "rounds=40", "=40", "train.=40", ".rounds=40", ""])
def test_what_is_no_override_is_refused_with_an_example(text: str) -> None:
    assert "write section.key=value" in refusal(text)


def test_an_unknown_key_is_named() -> None:
    assert "train.num_wrokers" in refusal("train.num_wrokers=3")
    assert "trian" in refusal("trian.num_workers=3")


@pytest.mark.parametrize(
    ("text", "setting", "shown"),
    [
        ("train.num_workers=two", "train.num_workers", "'two'"),
        ("train.num_workers=0", "train.num_workers", "0"),
        ("train.learning_rate=-0.1", "train.learning_rate", "-0.1"),
        ("ingest.refused_share=1.5", "ingest.refused_share", "1.5"),
        ("decision.cost_of_default=0", "decision.cost_of_default", "0"),
        ("train.reg_lambda=-1", "train.reg_lambda", "-1"),
        ("selection.subsample=0", "selection.subsample", "0"),
        ("gates.confidence=1", "gates.confidence", "1"),
        ("split.test_folds=9", "split", "less than split.folds"),
    ],
)
def test_a_value_that_cannot_be_is_refused_and_shown(text: str, setting: str, shown: str) -> None:
    message = refusal(text)
    assert setting in message
    assert shown in message


def test_every_wrong_value_is_named_at_once() -> None:
    message = refusal("train.rounds=none", "train.seed=none")
    assert "train.rounds" in message
    assert "train.seed" in message


def test_a_settings_file_that_is_missing_or_broken_is_named(tmp_path: Path) -> None:
    assert "mine.toml" in refusal(env=str(tmp_path / "mine.toml"))
    broken = tmp_path / "broken.toml"
    broken.write_text("[train\n")
    assert "is not TOML" in refusal(env=str(broken))
    broken.write_text("rounds = 40\n")
    assert "rounds" in refusal(env=str(broken))


def test_settings_are_frozen() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        load_settings().train.rounds = 1  # type: ignore[misc]


def test_the_conf_folder_can_be_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "base.toml").write_text("")
    monkeypatch.setenv("HOME_CREDIT_CONF", str(tmp_path))
    assert conf_dir() == tmp_path
    monkeypatch.setenv("HOME_CREDIT_CONF", str(tmp_path / "nowhere"))
    with pytest.raises(UserError, match="HOME_CREDIT_CONF"):
        conf_dir()


def test_the_threshold_follows_from_the_costs() -> None:
    """Elkan 2001: decline where p x cost_of_default >= (1 - p) x cost_of_decline."""
    decision = load_settings("local", ("decision.cost_of_default=3", "decision.cost_of_decline=1")).decision
    assert decision.threshold == 0.25
