"""`generate`: the same seed gives the same rows, they look like Home Credit's, and histories tell who defaults."""

import argparse
import csv
import json
import re
from dataclasses import replace
from datetime import date
from pathlib import Path

import pandas as pd
import pytest
from pyspark.sql import SparkSession
from pyspark.sql import functions as F
from scipy.stats import norm
from sklearn.linear_model import LinearRegression
from sklearn.metrics import roc_auc_score

from features import TABLES
from jobs import generate as verb
from jobs.generate import MARKER, STAGING, filters_in_place, generate, main, population, year_of
from jobs.model.drift import population_stability
from jobs.population.applicants import applications, describe, drivers
from jobs.population.draws import cumulative, normal, uniform, with_leanings, with_normals
from jobs.population.figures import NEVER
from jobs.population.risk import APPLICATION_WEIGHTS, with_risk
from jobs.population.traits import SEEN_DIMLY, SEEN_PLAINLY
from jobs.population.year import Wave, Year, months_later, outcomes
from jobs.runtime.addresses import Address
from jobs.runtime.errors import UserError
from jobs.runtime.session import engine_name
from jobs.runtime.settings import Settings
from tests.jobs.model.test_drift import binned

APPLICANTS = 1500
MAY = date(2018, 5, 17)
FILES = sorted(file for table in TABLES for file in table.files)

Files = dict[str, pd.DataFrame]


@pytest.fixture(scope="module")
def folder(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Made over what an earlier generate left: a large population in folders of parts, and half of another one."""
    folder = tmp_path_factory.mktemp("population")
    (folder / MARKER).write_text("{}")
    for stale in (folder / "bureau.csv", folder / STAGING / "bureau.csv"):
        stale.mkdir(parents=True)
        (stale / "part-00000.csv").write_text("stale")
    generate(spark, APPLICANTS, 7, Address(str(folder)))
    return folder


@pytest.fixture(scope="module")
def files(folder: Path) -> Files:
    return {name: pd.read_csv(folder / f"{name}.csv", low_memory=False) for name in FILES}


@pytest.fixture(scope="module")
def applicants(files: Files) -> pd.DataFrame:
    return pd.concat([files["application_train"], files["application_test"]], ignore_index=True)


# The same seed, the same rows


def test_the_folder_holds_the_eight_files_and_how_they_were_made(folder: Path) -> None:
    assert sorted(path.name for path in folder.iterdir()) == sorted([MARKER, *(f"{name}.csv" for name in FILES)])
    assert json.loads((folder / MARKER).read_text()) == {"applicants": APPLICANTS, "seed": 7}


def test_rows_depend_neither_on_the_partitions_nor_on_how_many_applicants_follow(
    spark: SparkSession, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(verb, "APPLICANTS_A_PARTITION", 25)
    generate(spark, 150, 7, Address(str(tmp_path / "fewer")))
    for name in FILES:
        fewer = (tmp_path / "fewer" / f"{name}.csv").read_bytes()
        assert len(fewer) > 10
        assert (folder / f"{name}.csv").read_bytes().startswith(fewer), name


def test_many_applicants_are_written_as_folders_of_parts_with_the_same_rows(
    spark: SparkSession, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(verb, "MOST_IN_PLAIN_FILES", 50)
    people = {"bureau": population(spark, 51, 7, 2)["bureau"]}
    monkeypatch.setattr(verb, "population", lambda *_: people)
    generate(spark, 51, 7, Address(str(tmp_path / "many")))
    parts = sorted((tmp_path / "many" / "bureau.csv").glob("part-*.csv"))
    lines = [part.read_text().splitlines() for part in parts]
    whole = (folder / "bureau.csv").read_text().splitlines()
    in_order = {"spark": 2, "sail": 1}[engine_name()]  # Sail brings sorted rows together
    assert [part.name for part in parts] == [f"part-{number:05}.csv" for number in range(in_order)]
    assert {part[0] for part in lines} == {whole[0]}
    rows = [row for part in lines for row in part[1:]]
    assert rows == whole[1 : len(rows) + 1]


def test_another_seed_gives_other_rows(spark: SparkSession, files: Files) -> None:
    with filters_in_place(spark):
        other = population(spark, 100, 8, 1)["bureau"].select("SK_ID_BUREAU", "DAYS_CREDIT").toPandas()
    both = other.merge(files["bureau"], on="SK_ID_BUREAU", how="inner")
    assert len(both) > 100
    assert (both["DAYS_CREDIT_x"] == both["DAYS_CREDIT_y"]).mean() < 0.05


def test_draws_have_the_distributions_that_they_are_named_for(spark: SparkSession) -> None:
    rows = spark.range(20_000).withColumnRenamed("id", "identity")
    drawn = rows.selectExpr(f"{uniform('one')} AS u", f"{uniform('other')} AS v", f"{normal('one')} AS z")
    drawn = drawn.withColumn("p", F.expr(cumulative("z"))).toPandas()
    assert (drawn["p"] - drawn["u"]).abs().max() < 1e-9
    assert (norm.cdf(drawn["z"]) - drawn["p"]).__abs__().max() < 2e-4
    assert abs(drawn["u"].mean() - 0.5) < 0.01
    assert abs(drawn["z"].std() - 1) < 0.02
    assert abs(drawn["u"].corr(drawn["v"])) < 0.03


def test_a_draw_that_leans_is_distributed_as_ever_and_follows_the_traits(spark: SparkSession) -> None:
    rows = with_normals(spark.range(20_000).withColumnRenamed("id", "identity"), "calm", "tall")
    leaning = with_leanings(rows, {"DRAWN": {"e_calm": 0.5, "e_tall": -0.3}, "OTHER": {"e_calm": 0.5}})
    drawn = leaning.select("e_calm", "e_tall", "u_DRAWN", "u_OTHER").toPandas()
    assert (drawn["u_DRAWN"].quantile([0.01, 0.25, 0.5, 0.75, 0.99]) - [0.01, 0.25, 0.5, 0.75, 0.99]).abs().max() < 0.01
    normal_scores = drawn.assign(DRAWN=norm.ppf(drawn["u_DRAWN"]), OTHER=norm.ppf(drawn["u_OTHER"])).corr()
    assert normal_scores.loc["DRAWN", ["e_calm", "e_tall"]].tolist() == pytest.approx([0.5, -0.3], abs=0.02)
    assert normal_scores.loc["DRAWN", "OTHER"] == pytest.approx(0.25, abs=0.02)


# As Kaggle ships them


def test_columns_are_the_contracts(files: Files) -> None:
    for table in TABLES:
        for file in table.files:
            expected = [
                column.name for column in table.columns if file not in column.absent_from and not column.optional
            ]
            assert sorted(files[file].columns) == sorted(expected), file


def test_headers_are_kaggles(folder: Path, sample: Path) -> None:
    for name in FILES:
        with (sample / f"{name}.csv").open() as kaggle, (folder / f"{name}.csv").open() as ours:
            assert next(csv.reader(ours)) == next(csv.reader(kaggle)), name


def test_cells_are_written_as_kaggle_writes_them(folder: Path) -> None:
    text = {name: pd.read_csv(folder / f"{name}.csv", dtype=str, keep_default_na=False) for name in FILES}
    numbers = re.compile(r"-?\d+(\.\d+)?$")
    for name, rows in text.items():
        for column in rows.columns[rows.columns.str.match("AMT|DAYS|CNT|SK_|EXT|.*_(AVG|MEDI)$")]:
            odd = [cell for cell in rows[column].unique() if cell and (cell == "-0.0" or not numbers.match(cell))]
            assert not odd, (name, column, odd[:3])
    train = text["application_train"]
    for column in ("OWN_CAR_AGE", "CNT_FAM_MEMBERS", "DAYS_REGISTRATION", "AMT_REQ_CREDIT_BUREAU_YEAR"):
        assert train[column].str.fullmatch(r"-?\d+\.0|").all(), column
    for column in ("DAYS_BIRTH", "DAYS_EMPLOYED", "CNT_CHILDREN", "TARGET"):
        assert train[column].str.fullmatch(r"-?\d+").all(), column
    assert set(train.loc[train["FLAG_OWN_CAR"] == "N", "OWN_CAR_AGE"]) == {""}
    assert "Stone, brick" in set(train["WALLSMATERIAL_MODE"])
    assert set(text["previous_application"]["CODE_REJECT_REASON"]) >= {"XAP", "HC"}
    assert set(text["previous_application"]["NAME_YIELD_GROUP"]) >= {"XNA", "high"}


def test_keys_are_unique_and_no_row_is_there_twice(files: Files) -> None:
    keys = {
        "bureau": ["SK_ID_BUREAU"],
        "bureau_balance": ["SK_ID_BUREAU", "MONTHS_BALANCE"],
        "previous_application": ["SK_ID_PREV"],
        "POS_CASH_balance": ["SK_ID_PREV", "MONTHS_BALANCE"],
        "credit_card_balance": ["SK_ID_PREV", "MONTHS_BALANCE"],
    }
    assert [name for name, rows in files.items() if rows.duplicated().any()] == []
    assert [name for name, key in keys.items() if files[name].duplicated(key).any()] == []
    payments = files["installments_payments"]
    instalments = payments.groupby(["SK_ID_PREV", "NUM_INSTALMENT_VERSION", "NUM_INSTALMENT_NUMBER"]).size()
    assert set(instalments) == {1, 2, 3}


def test_pensioners_have_the_sentinel_and_no_employer(applicants: pd.DataFrame) -> None:
    pensioners = applicants["DAYS_EMPLOYED"] == NEVER
    assert 0.14 < pensioners.mean() < 0.22
    assert set(applicants.loc[pensioners, "ORGANIZATION_TYPE"]) == {"XNA"}
    assert "XNA" not in set(applicants.loc[~pensioners, "ORGANIZATION_TYPE"])
    assert (applicants.loc[~pensioners, "DAYS_EMPLOYED"] < 0).all()
    assert (applicants.loc[~pensioners, "DAYS_EMPLOYED"] > applicants.loc[~pensioners, "DAYS_BIRTH"]).all()


def test_orphans_and_coverage_are_where_the_real_data_has_them(files: Files, applicants: pd.DataFrame) -> None:
    listed = files["previous_application"]["SK_ID_PREV"]
    orphans = {
        name: 1 - files[name]["SK_ID_PREV"].isin(listed).mean()
        for name in ("POS_CASH_balance", "credit_card_balance", "installments_payments")
    }
    assert 0.02 < orphans["POS_CASH_balance"] < 0.06
    assert 0.22 < orphans["credit_card_balance"] < 0.44
    assert 0 < orphans["installments_payments"] < 0.06
    assert files["bureau_balance"]["SK_ID_BUREAU"].isin(files["bureau"]["SK_ID_BUREAU"]).all()
    bureau = files["bureau"]
    observed = bureau.loc[bureau["SK_ID_BUREAU"].isin(files["bureau_balance"]["SK_ID_BUREAU"]), "SK_ID_CURR"]
    assert 0.25 < files["application_train"]["SK_ID_CURR"].isin(observed).mean() < 0.36
    assert 0.78 < files["application_test"]["SK_ID_CURR"].isin(observed).mean() < 0.95
    for name, low, high in (("bureau", 0.11, 0.18), ("installments_payments", 0.02, 0.08)):
        assert low < 1 - applicants["SK_ID_CURR"].isin(files[name]["SK_ID_CURR"]).mean() < high, name
    histories = [files[name]["SK_ID_CURR"] for name in files if "SK_ID_CURR" in files[name]]
    assert all(rows.isin(applicants["SK_ID_CURR"]).all() for rows in histories)


def test_only_approved_cards_have_card_rows_and_only_other_approved_loans_pos_rows(files: Files) -> None:
    previous = files["previous_application"].set_index("SK_ID_PREV")[["NAME_CONTRACT_TYPE", "NAME_CONTRACT_STATUS"]]
    kinds = {
        name: set(previous.loc[previous.index.isin(files[name]["SK_ID_PREV"])].itertuples(index=False, name=None))
        for name in ("credit_card_balance", "POS_CASH_balance")
    }
    assert kinds == {
        "credit_card_balance": {("Revolving loans", "Approved")},
        "POS_CASH_balance": {("Cash loans", "Approved"), ("Consumer loans", "Approved")},
    }


def test_nothing_happens_after_the_application(files: Files) -> None:
    events = {
        "bureau": ["DAYS_CREDIT", "DAYS_ENDDATE_FACT", "DAYS_CREDIT_UPDATE"],
        "previous_application": ["DAYS_DECISION"],
        "installments_payments": ["DAYS_INSTALMENT", "DAYS_ENTRY_PAYMENT"],
        "POS_CASH_balance": ["MONTHS_BALANCE"],
        "credit_card_balance": ["MONTHS_BALANCE"],
    }
    for name, columns in events.items():
        assert (files[name][columns].max() < 0).all(), name
    assert files["bureau_balance"]["MONTHS_BALANCE"].max() == 0
    due = files["previous_application"]["DAYS_FIRST_DUE"].dropna()
    assert ((due < 0) | (due == NEVER)).all()


def test_payments_follow_from_the_loan(files: Files) -> None:
    previous = files["previous_application"].set_index("SK_ID_PREV")
    payments = files["installments_payments"].join(previous, on="SK_ID_PREV", how="inner", rsuffix="_previous")
    loans = payments[payments["NAME_CONTRACT_TYPE"] != "Revolving loans"]
    assert (loans["NUM_INSTALMENT_NUMBER"] <= loans["CNT_PAYMENT"]).all()
    assert ((loans["AMT_INSTALMENT"] / loans["AMT_ANNUITY"]).between(0.96, 1.01)).all()
    assert (loans["DAYS_INSTALMENT"] == loans["DAYS_FIRST_DUE"] + 30 * (loans["NUM_INSTALMENT_NUMBER"] - 1)).all()


def test_lateness_shortness_and_rows_per_applicant_are_about_the_real_ones(files: Files) -> None:
    payments = files["installments_payments"]
    delay = payments["DAYS_ENTRY_PAYMENT"] - payments["DAYS_INSTALMENT"]
    assert 0.075 < (delay > 0).mean() < 0.095
    assert 0.08 < (payments["AMT_PAYMENT"] < payments["AMT_INSTALMENT"] - 0.01).mean() < 0.12
    assert abs(delay.mean() + 8.9) < 1.5
    assert delay.quantile([0.25, 0.5, 0.75]).sub([-14, -6, 0]).abs().max() <= 2
    assert 34 < payments.groupby("SK_ID_CURR").size().mean() < 46
    assert payments["AMT_PAYMENT"].isna().equals(payments["DAYS_ENTRY_PAYMENT"].isna())
    assert 4.4 < files["bureau"].groupby("SK_ID_CURR").size().mean() < 6.5
    assert 4.4 < files["previous_application"].groupby("SK_ID_CURR").size().mean() < 5.8


def test_shares_and_quantiles_are_about_the_real_ones(files: Files) -> None:
    train, test = files["application_train"], files["application_test"]
    assert len(test) == round(APPLICANTS * 48_744 / 356_255)
    assert 0.06 < train["TARGET"].mean() < 0.10
    assert abs(train["EXT_SOURCE_1"].isna().mean() - 0.565) < 0.05
    assert abs(train["EXT_SOURCE_3"].isna().mean() - 0.195) < 0.04
    assert abs(train["APARTMENTS_AVG"].isna().mean() - 0.497) < 0.05
    assert abs(train["AMT_CREDIT"].median() / 508_000 - 1) < 0.1
    assert abs(train["AMT_ANNUITY"].median() / 24_900 - 1) < 0.1
    assert abs((train["CODE_GENDER"] == "F").mean() - 0.66) < 0.04
    assert abs(train["EXT_SOURCE_1"].corr(train["DAYS_BIRTH"], method="spearman") + 0.62) < 0.06
    assert abs(train["AMT_CREDIT"].corr(train["AMT_ANNUITY"], method="spearman") - 0.84) < 0.06
    status = files["previous_application"]["NAME_CONTRACT_STATUS"].value_counts(normalize=True)
    assert abs(status["Approved"] - 0.6045) < 0.03
    assert abs(status["Refused"] - 0.172) < 0.03


@pytest.fixture(scope="module")
def loans_asked_for(spark: SparkSession) -> pd.DataFrame:
    """Columns of both application files, of many applicants: an index of few says little."""
    people = applications(with_risk(describe(drivers(spark, 20_000, 7, 2))))
    amounts = ["AMT_CREDIT", "AMT_ANNUITY", "AMT_GOODS_PRICE", "EXT_SOURCE_2"]
    asked = people.select("is_test", "NAME_CONTRACT_TYPE", *(F.col(name).cast("double") for name in amounts)).toPandas()
    return asked.assign(
        annuity_over_credit=asked["AMT_ANNUITY"] / asked["AMT_CREDIT"],
        annuity_over_goods=asked["AMT_ANNUITY"] / asked["AMT_GOODS_PRICE"],
        credit_over_goods=asked["AMT_CREDIT"] / asked["AMT_GOODS_PRICE"],
    )


@pytest.mark.parametrize(
    ("column", "real", "within"),
    [
        ("annuity_over_credit", 1.15, 0.2),
        ("annuity_over_goods", 0.52, 0.1),
        ("AMT_GOODS_PRICE", 0.11, 0.04),
        ("AMT_CREDIT", 0.08, 0.03),
        ("credit_over_goods", 0.07, 0.03),
        ("EXT_SOURCE_2", 0.01, 0.01),
    ],
)
def test_new_applicants_ask_for_other_loans_than_the_labelled_ones(
    loans_asked_for: pd.DataFrame, column: str, real: float, within: float
) -> None:
    """By the population stability index, 5,000 rows of each in the real files."""
    labelled, new = (loans_asked_for.loc[loans_asked_for["is_test"] == is_test, column] for is_test in (False, True))
    assert abs(population_stability(*binned(labelled, new)) - real) <= within


def test_hardly_a_new_applicant_asks_for_a_card(loans_asked_for: pd.DataFrame) -> None:
    revolving = (loans_asked_for["NAME_CONTRACT_TYPE"] == "Revolving loans").groupby(loans_asked_for["is_test"]).mean()
    assert abs(revolving[False] - 0.097) < 0.01
    assert abs(revolving[True] - 0.008) < 0.006


# Who defaults


def test_histories_tell_more_than_the_application(spark: SparkSession) -> None:
    people = with_risk(describe(drivers(spark, 20_000, 7, 2)))
    true = people.where("NOT is_test").select("TARGET", "application_risk", "history_risk").toPandas()
    application = roc_auc_score(true["TARGET"], true["application_risk"])
    histories = roc_auc_score(true["TARGET"], true["application_risk"] + true["history_risk"])
    assert 0.072 < true["TARGET"].mean() < 0.090
    # the field's models reach 0.74-0.77 and 0.77-0.81; what is true is above what can be learnt
    assert 0.73 < application < 0.78
    assert 0.81 < histories < 0.86
    assert histories - application > 0.03


def test_no_cause_of_default_outweighs_the_others(spark: SparkSession) -> None:
    """Of what histories show no trait is a fifth, and a straight line through all of them leaves much unsaid."""
    people = with_risk(describe(drivers(spark, 20_000, 7, 2))).toPandas()
    traits = people[[*SEEN_PLAINLY, *SEEN_DIMLY]]
    told = traits.corrwith(people["history_risk"]) ** 2
    assert told.between(0.002, 0.35).all()
    assert (told > 0.01).sum() >= 12
    line = LinearRegression().fit(traits, people["history_risk"]).score(traits, people["history_risk"])
    assert 0.6 < line < 0.85


def test_histories_show_what_drives_default(spark: SparkSession, files: Files) -> None:
    """What is hidden in the applicant is seen in lateness, utilisation, refusals and debt."""
    columns = ["SK_ID_CURR", "careless", "stretched", "rebuffed"]
    hidden = drivers(spark, APPLICANTS, 7, 2).select(*columns).toPandas().set_index("SK_ID_CURR")
    payments, cards = files["installments_payments"], files["credit_card_balance"]
    bureau, previous = files["bureau"], files["previous_application"]
    in_use = cards[cards["AMT_BALANCE"] > 0]
    active = bureau[(bureau["CREDIT_ACTIVE"] == "Active") & (bureau["AMT_CREDIT_SUM"] > 0)]
    seen = {
        "late": (payments["DAYS_ENTRY_PAYMENT"] > payments["DAYS_INSTALMENT"]).groupby(payments["SK_ID_CURR"]).mean(),
        "overdue": (bureau["AMT_CREDIT_MAX_OVERDUE"] > 0).groupby(bureau["SK_ID_CURR"]).mean(),
        "utilisation": (in_use["AMT_BALANCE"] / in_use["AMT_CREDIT_LIMIT_ACTUAL"]).groupby(in_use["SK_ID_CURR"]).mean(),
        "debt": (active["AMT_CREDIT_SUM_DEBT"] / active["AMT_CREDIT_SUM"]).groupby(active["SK_ID_CURR"]).mean(),
        "refused": (previous["NAME_CONTRACT_STATUS"] == "Refused").groupby(previous["SK_ID_CURR"]).mean(),
    }
    shown = hidden.join(pd.DataFrame(seen), how="inner").corr(method="spearman")
    assert shown.loc["late", "careless"] > 0.5
    assert shown.loc["overdue", "careless"] > 0.15
    assert shown.loc["utilisation", "stretched"] > 0.5
    assert shown.loc["debt", "stretched"] > 0.4
    assert shown.loc["refused", "rebuffed"] > 0.15


def test_every_trait_is_seen_a_little_in_many_rows(spark: SparkSession, files: Files) -> None:
    hidden = drivers(spark, APPLICANTS, 7, 2).select("SK_ID_CURR", *SEEN_DIMLY).toPandas().set_index("SK_ID_CURR")
    train, payments, cards = files["application_train"], files["installments_payments"], files["credit_card_balance"]
    bureau, previous, months = files["bureau"], files["previous_application"], files["POS_CASH_balance"]
    due = payments["DAYS_INSTALMENT"]
    ahead = due - payments["DAYS_ENTRY_PAYMENT"]
    yields = previous["NAME_YIELD_GROUP"].map({"low_action": 0, "low_normal": 1, "middle": 2, "high": 3})
    consumer = previous[previous["NAME_CONTRACT_TYPE"] == "Consumer loans"]
    elsewhere = ["REG_CITY_NOT_LIVE_CITY", "REG_CITY_NOT_WORK_CITY"]

    def mean(values: pd.Series, rows: pd.DataFrame) -> pd.Series:
        return values.groupby(rows["SK_ID_CURR"]).mean()

    late = ahead < 0
    seen = {
        "hurried": mean(bureau["DAYS_CREDIT"], bureau),
        "cashbound": mean(cards["AMT_DRAWINGS_ATM_CURRENT"] > 0, cards[cards["AMT_DRAWINGS_CURRENT"] > 0]),
        "overcharged": mean(yields, previous),
        "piecemeal": mean(payments["AMT_PAYMENT"] < payments["AMT_INSTALMENT"] - 0.01, payments),
        "slipping": mean(late[due >= -365], payments) - mean(late[due < -365], payments),
        "scattered": mean(bureau["CREDIT_TYPE"] != "Consumer credit", bureau),
        "drawn_out": mean(months["CNT_INSTALMENT"], months),
        "unsaving": -mean(consumer["RATE_DOWN_PAYMENT"], consumer),
        "wavering": mean(previous["NAME_CONTRACT_STATUS"].isin(["Canceled", "Unused offer"]), previous),
        "pressed": -mean(ahead[ahead >= 0], payments),
        "modest": -mean(consumer["AMT_APPLICATION"], consumer),
        "unsettled": train.set_index("SK_ID_CURR")[elsewhere].sum(axis=1),
    }
    assert list(seen) == list(SEEN_DIMLY)
    for trait, column in seen.items():
        assert 0.1 < hidden[trait].corr(column.dropna().astype(float), method="spearman") < 0.8, trait


# What a user may get wrong


@pytest.mark.usefixtures("spark")
@pytest.mark.parametrize(
    ("applicants", "seed", "output", "message"),
    [
        (0, 7, "new", "--applicants 0: at least 20"),
        (20, 2**63, "new", f"--seed {2**63}: a whole number of at most 64 bits"),
        (20, 7, "letters", "holds love.txt and was not made by generate: name a new or empty folder"),
        (20, 7, "letters/love.txt", "is a file: name a folder"),
    ],
)
def test_a_refusal_says_what_to_write_instead_and_touches_nothing(
    tmp_path: Path, settings: Settings, applicants: int, seed: int, output: str, message: str
) -> None:
    (tmp_path / "letters").mkdir()
    (tmp_path / "letters" / "love.txt").write_text("dear")
    arguments = argparse.Namespace(
        verb="generate", applicants=applicants, seed=seed, output=str(tmp_path / output), env="local", deliveries=None
    )
    with pytest.raises(UserError, match=re.escape(message)):
        main(arguments, settings)
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["letters", "love.txt"]


# Several deliveries


def test_later_deliveries_bring_new_applicants_and_some_who_come_back(spark: SparkSession) -> None:
    year = Year((MAY, MAY, MAY), 400, 300, 0.0, 0)
    deliveries = [
        drivers(spark, applicants, 7, 2, wave).select("SK_ID_CURR", "identity", "application", "is_test").toPandas()
        for _, applicants, wave in year.deliveries()
    ]
    first, second, third = deliveries
    assert all(people["SK_ID_CURR"].is_unique for people in deliveries)
    assert second["is_test"].all()
    for before, after in ((first, second), (second, third)):
        back = before.merge(after, on="SK_ID_CURR")
        assert 0.08 * 300 < len(back) < 0.2 * 300
        assert (back["identity_x"] == back["identity_y"]).all()
        assert (back["application_x"] != back["application_y"]).all()
    assert second["SK_ID_CURR"].max() <= first["SK_ID_CURR"].max() + 300


def test_who_comes_back_is_himself_and_asks_for_another_loan(spark: SparkSession) -> None:
    year = Year((MAY, MAY), 1500, 1500, 0.0, 0)
    columns = ["SK_ID_CURR", "CODE_GENDER", "days_birth", "NAME_EDUCATION_TYPE", "goods"]
    first, second = (
        describe(drivers(spark, applicants, 7, 2, wave), wave).select(*columns).toPandas()
        for _, applicants, wave in year.deliveries()
    )
    back = first.merge(second, on="SK_ID_CURR")
    for column in columns[1:4]:
        assert (back[f"{column}_x"] == back[f"{column}_y"]).all(), column
    assert (back["goods_x"] != back["goods_y"]).mean() > 0.9


def test_drift_lowers_the_external_scores_and_raises_the_risk_beyond_them(spark: SparkSession) -> None:
    *_, last = Year((MAY,) * 12, 3000, 3000, 0.05, 0).deliveries()
    still = replace(last[2], moved=0.0)
    bad = {}
    for wave in (last[2], still):
        people = with_risk(describe(drivers(spark, 3000, 7, 2, wave), wave), wave.extra_risk)
        figures = people.selectExpr("avg(TARGET)", "avg(application_risk)", "avg(z_EXT_SOURCE_2)").first()
        assert figures is not None
        bad[wave.moved] = tuple(figures)
    assert bad[last[2].moved][0] > bad[0.0][0] * 1.4
    assert bad[last[2].moved][2] == pytest.approx(bad[0.0][2] - 0.55)
    shown = -0.55 * sum(weight for name, weight in APPLICATION_WEIGHTS.items() if name.startswith("z_EXT_SOURCE"))
    more = bad[last[2].moved][1] - bad[0.0][1]
    # Beside the straight part more applicants fall below where scores are worst.
    assert shown + last[2].extra_risk < more < 1.5 * shown + last[2].extra_risk


def test_a_broken_delivery_has_an_empty_column_and_nothing_labelled(spark: SparkSession) -> None:
    wave = Wave(number=3, before=900, last=600, is_broken=True)
    files = population(spark, 60, 7, 1, wave)
    assert "application_train" not in files
    assert files["application_test"].where("EXT_SOURCE_3 IS NOT NULL").isEmpty()
    assert not files["application_test"].where("EXT_SOURCE_2 IS NOT NULL").isEmpty()


def test_the_bad_are_known_before_the_good_and_all_within_half_a_year(spark: SparkSession) -> None:
    people = with_risk(describe(drivers(spark, 800, 7, 1, Wave(1, 800)), Wave(1, 800)))
    told = outcomes(people, MAY).toPandas()
    days = (pd.to_datetime(told["observed_on"]) - pd.Timestamp(MAY)).dt.days
    assert len(told) == 800
    assert (days[told["TARGET"] == 0] == 180).all()
    assert days[told["TARGET"] == 1].between(60, 179).all()
    assert months_later(MAY, 6) == date(2018, 11, 17)
    assert months_later(date(2018, 8, 31), 6) == date(2019, 2, 28)


@pytest.mark.parametrize(
    ("option", "value", "shown"),
    [
        ("deliveries", 0, "--deliveries 0"),
        ("monthly", 5, "--monthly 5"),
        ("broken", 1, "--broken 1"),
        ("first", "May", "--first May"),
    ],
)
def test_a_year_that_cannot_be_is_refused(option: str, value: object, shown: str) -> None:
    options = {"deliveries": 3, "applicants": 100, "monthly": 50, "broken": 0, "drift": 0.0, "first": "2018-05-17"}
    with pytest.raises(UserError, match=shown):
        year_of(argparse.Namespace(**{**options, option: value}))
