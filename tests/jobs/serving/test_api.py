"""The REST service before a scorer that is made up: statuses, tokens, limits, and who shares a batch with whom."""

import asyncio
import json
import logging
import socket
import sys
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from datetime import date
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from starlette.requests import Request
from starlette.types import Message

from jobs.runtime.errors import TryAgain
from jobs.runtime.settings import Serve, load_settings
from jobs.serve import keep_up, known_hosts, listen, look, refresh
from jobs.serving.api import WithoutValues, is_same, make_app, read_question
from jobs.serving.desk import Desk
from jobs.serving.known_hosts import KnownHosts
from jobs.serving.questions import Application
from jobs.serving.responses import NotComputed, Problem, Refused, ScoredApplicant, refused
from jobs.serving.uploads import COLUMNS
from tests.callers import ANNA, BRUNO, MODEL, MadeUpScorer, application, as_csv

LIMITS = load_settings().serve
SECRET = "open sesame"


def limits(**changed: float) -> Serve:
    return LIMITS.model_copy(update=changed)


def service(scorer: MadeUpScorer | None = None, token: str | None = None, **changed: float) -> FastAPI:
    return made(Desk(scorer or MadeUpScorer(), limits(**changed)), token)


def made(desk: Desk, token: str | None = None, *, keeps_up: bool = True, hosts: KnownHosts | None = None) -> FastAPI:
    return make_app(desk, token, lambda: keeps_up, hosts)


def talk(app: FastAPI, story: Callable[[httpx.AsyncClient], Awaitable[Any]]) -> Any:
    """Have a story told to a service, in one event loop."""

    async def run() -> Any:
        transport = httpx.ASGITransport(app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://service") as client:
            return await story(client)

    return asyncio.run(run())


def send(app: FastAPI, body: bytes, kind: str = "text/csv", **headers: str) -> httpx.Response:
    """One request to /score."""
    return talk(app, lambda client: client.post("/score", content=body, headers={"content-type": kind, **headers}))


def get(app: FastAPI, path: str, **headers: str) -> httpx.Response:
    return talk(app, lambda client: client.get(path, headers=headers))


def upload(client: httpx.AsyncClient, *rows: dict[str, str]) -> Awaitable[httpx.Response]:
    return client.post("/score", files={"file": ("rows.csv", as_csv(rows))})


def problems(response: httpx.Response) -> list[tuple[int | None, str | None, str]]:
    return [(each["row"], each["column"], each["problem"]) for each in response.json()["detail"]]


def test_a_form_a_file_and_json_are_answered_alike_in_the_order_of_the_question() -> None:
    rows = [application(BRUNO, AMT_CREDIT="100"), application(ANNA, AMT_CREDIT="200")]
    of_form = talk(service(), lambda client: upload(client, *rows))
    of_csv = send(service(), as_csv(rows), "text/csv; charset=utf-8")
    of_json = send(service(), json.dumps({"rows": rows}).encode(), "application/json")
    assert of_form.status_code == 200
    assert of_form.json() == of_csv.json() == of_json.json()
    answer = of_form.json()
    assert answer["model"] == MODEL.model_dump()
    assert [(each["SK_ID_CURR"], each["probability"]) for each in answer["applicants"]] == [(BRUNO, 0.1), (ANNA, 0.2)]


def test_the_scorer_problems_carry_the_callers_own_row_numbers() -> None:
    refused = send(service(), as_csv([application(ANNA), application(BRUNO, NAME_HOUSING_TYPE="Boat")]))
    assert refused.status_code == 422
    assert problems(refused) == [(2, "NAME_HOUSING_TYPE", "floats")]


def test_unknown_applicants_are_named() -> None:
    answer = send(service(), b'{"applicants": [100001, 5, 6]}', "application/json")
    assert answer.status_code == 404
    assert problems(answer) == [
        (2, "SK_ID_CURR", "is in no assembled delivery"),
        (3, "SK_ID_CURR", "is in no assembled delivery"),
    ]


def test_an_applicant_whose_features_the_model_does_not_read_is_refused_by_row() -> None:
    class Moved(MadeUpScorer):
        def score_stored(self, applicants: Sequence[int]) -> dict[int, ScoredApplicant | list[Problem]]:
            others = [Problem(column="SK_ID_CURR", problem="has other features")]
            return super().score_stored(applicants) | {BRUNO: others}

    answer = send(service(Moved()), b'{"applicants": [100001, 100002, 5]}', "application/json")
    assert answer.status_code == 404
    assert problems(answer) == [
        (2, "SK_ID_CURR", "has other features"),
        (3, "SK_ID_CURR", "is in no assembled delivery"),
    ]


def test_without_the_token_only_whether_it_lives_is_told() -> None:
    app = service(token=SECRET)
    right = {"authorization": f"Bearer {SECRET}"}
    for wrong in ({}, {"authorization": "Bearer x"}, {"authorization": SECRET}, {"authorization": "Bearer \u00fc"}):
        headers = {name: value.encode("latin-1") for name, value in wrong.items()}
        for path in ("/score", "/model"):
            method = "POST" if path == "/score" else "GET"
            answer = talk(app, lambda c, m=method, p=path, h=headers: c.request(m, p, headers=h))
            assert answer.status_code == 401
            assert answer.headers["www-authenticate"] == "Bearer"
            assert "token" in problems(answer)[0][2]
    assert get(app, "/health").json() == {"status": "ok", "model_version": 7, "waiting": 0}
    assert get(app, "/model", **right).json() == MODEL.model_dump()
    assert send(app, as_csv([application()]), **right).status_code == 200


@pytest.mark.parametrize("sent", [SECRET[:-1], SECRET + "x", SECRET * 1000, SECRET.upper(), "x", "\u00fc"])
def test_a_token_of_any_length_is_compared_as_a_whole(sent: str) -> None:
    assert not is_same(sent, SECRET)
    assert is_same(SECRET, SECRET)


@pytest.mark.parametrize(
    ("asked", "bound", "token", "more", "names"),
    [
        ("localhost", "127.0.0.1", None, (), {"localhost"}),
        ("::1", "::1", None, ("Scores.Bank.example",), {"::1", "scores.bank.example"}),
        ("localhost", "127.0.0.1", SECRET, (), None),
        ("0.0.0.0", "0.0.0.0", None, (), None),
        ("0.0.0.0", "0.0.0.0", SECRET, ("scores",), {"0.0.0.0", "scores"}),
    ],
)
def test_hosts_are_looked_at_where_no_token_guards_this_machine_or_a_setting_names_some(
    asked: str, bound: str, token: str | None, more: tuple[str, ...], names: set[str] | None
) -> None:
    assert known_hosts(asked, bound, token, more) == (None if names is None else KnownHosts(frozenset(names)))


OURS = KnownHosts(frozenset({"scores.bank.example"}))


@pytest.mark.parametrize("host", ["localhost:8000", "127.0.0.1", "[::1]:8000", "LOCALHOST", "scores.bank.example:80"])
def test_a_service_answers_by_its_own_names(host: str) -> None:
    app = made(Desk(MadeUpScorer(), LIMITS), hosts=OURS)
    for headers in ({"host": host}, {"host": host, "origin": f"http://{host}"}):
        assert get(app, "/model", **headers).status_code == 200
        assert send(app, as_csv([application()]), **headers).status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"host": "evil.example"},
        {"host": "evil.example:8000", "origin": "http://evil.example:8000"},
        {"host": "localhost:8000", "origin": "https://evil.example"},
        {"host": "localhost:8000", "origin": "null"},
        {"host": "localhost.evil.example"},
        {"host": "scores.bank.example.evil.example"},
        {"host": "[::1"},
        {"host": ""},
        {"host": "192.168.0.7"},
    ],
)
def test_a_page_of_elsewhere_reaches_nothing(headers: dict[str, str]) -> None:
    app = made(Desk(MadeUpScorer(), LIMITS), hosts=OURS)
    for path in ("/", "/docs", "/openapi.json", "/model", "/health", "/nothing"):
        answer = get(app, path, **headers)
        assert answer.status_code == 403
        assert "serve.hosts" in problems(answer)[0][2]
    assert send(app, as_csv([application()]), **headers).status_code == 403


def test_too_many_bytes_or_rows_are_refused() -> None:
    body = as_csv([application(each) for each in range(1, 5)])
    small = service(largest_upload=len(body) - 1)
    too_large = send(small, body)
    assert too_large.status_code == 413
    assert problems(too_large) == [(None, None, f"the request is larger than {len(body) - 1:,} bytes")]
    form = talk(small, lambda client: client.post("/score", files={"file": body}))
    assert form.status_code == 413
    assert send(service(most_rows=3), body).status_code == 413
    assert send(service(most_rows=4, largest_upload=len(body)), body).status_code == 200


@pytest.mark.parametrize(
    ("kind", "body", "status"),
    [
        ("text/plain", b"x", 415),
        ("multipart/form-data; boundary=x", b"--x--", 400),
        ("multipart/form-data", b"no boundary", 400),
        (
            "multipart/form-data; boundary=x",
            b'--x\r\nContent-Disposition: form-data; name="rows"; filename="a"\r\n\r\n1\r\n--x--\r\n',
            400,
        ),
        ("application/json", b"{", 400),
        ("application/json", b"\xff", 400),
        ("text/csv", b"SK_ID_CURR\n1\n", 422),
    ],
)
def test_what_can_not_be_read_is_refused_with_a_reason(kind: str, body: bytes, status: int) -> None:
    answer = send(service(), body, kind)
    assert answer.status_code == status
    assert all(each["problem"] for each in answer.json()["detail"])


FILE = ("rows.csv", as_csv([application()]))


@pytest.mark.parametrize(
    ("fields", "status", "said"),
    [
        ([("file", FILE)], 200, []),
        ([("file", FILE), ("note", (None, "mine"))], 200, ["ignored, no field of this form: note"]),
        (
            [*((f"n{n}", (None, "x")) for n in range(20)), ("file", FILE), ("more", FILE)],
            200,
            ["ignored, no field of this form: n0, n1, n2, n3, n4 and 16 more"],
        ),
        (
            [("upload", FILE)],
            400,
            ["the form has no file: name the field file, as in curl -F file=@applicat"],
        ),
        (
            [("file", (None, "application_test.csv"))],
            400,
            ["the form holds a text in the field file: write @ before the file's name, as in curl -F file=@applicat"],
        ),
        ([("file", FILE), ("file", FILE)], 400, ["the form has 2 fields named file: send one, as in curl -F file=@"]),
    ],
)
def test_a_form_has_one_file_and_what_else_it_has_is_named(
    fields: list[tuple[str, Any]], status: int, said: list[str]
) -> None:
    answer = talk(service(), lambda client: client.post("/score", files=fields))
    assert answer.status_code == status
    told = answer.json()["warnings"] if status == 200 else [problem for _, _, problem in problems(answer)]
    assert len(told) == len(said)
    assert all(each.startswith(start) for each, start in zip(told, said, strict=True))


def test_what_was_ignored_is_told_beside_the_scores_of_that_caller_alone() -> None:
    async def story(client: httpx.AsyncClient) -> Sequence[httpx.Response]:
        with_index = {"Unnamed: 0": "0", **application(ANNA)}
        file = ("rows.csv", as_csv([with_index], list(with_index)))
        return await asyncio.gather(
            client.post("/score", files={"file": file}, params={"aplied_on": "2018-06-01"}),
            upload(client, application(BRUNO)),
        )

    answers = talk(service(gather_seconds=0.5), story)
    assert [each.json()["warnings"] for each in answers] == [
        ["ignored, not in the contract: column 1 (Unnamed: 0)", "ignored, no parameter of /score: aplied_on"],
        [],
    ]


def test_another_path_or_method_is_refused_in_the_same_form() -> None:
    for answer in (get(service(), "/scores"), get(service(), "/score")):
        assert answer.status_code in (404, 405)
        assert len(problems(answer)) == 1


def test_callers_who_arrive_together_share_a_batch() -> None:
    scorer = MadeUpScorer()

    async def story(client: httpx.AsyncClient) -> Sequence[httpx.Response]:
        return await asyncio.gather(
            *(upload(client, application(each, AMT_CREDIT=str(each % 1000))) for each in range(1000, 1050))
        )

    answers = talk(service(scorer, gather_seconds=0.5), story)
    assert [each.json()["applicants"][0]["probability"] for each in answers] == [n / 1000 for n in range(50)]
    assert [sorted(batch) for batch in scorer.batches] == [list(range(1000, 1050))]


def test_rows_of_one_applicant_that_differ_are_answered_apart_and_equal_ones_once() -> None:
    scorer = MadeUpScorer()
    amounts = ["100", "200", "100", "300"]

    async def story(client: httpx.AsyncClient) -> Sequence[httpx.Response]:
        return await asyncio.gather(*(upload(client, application(ANNA, AMT_CREDIT=each)) for each in amounts))

    answers = talk(service(scorer, gather_seconds=0.5), story)
    assert [each.json()["applicants"][0]["probability"] for each in answers] == [0.1, 0.2, 0.1, 0.3]
    assert scorer.batches == [[ANNA]] * 3


def test_applications_of_different_days_are_answered_apart() -> None:
    scorer = MadeUpScorer()
    days = ["2018-06-01", "2018-06-02", "2018-06-01", None]

    async def story(client: httpx.AsyncClient) -> Sequence[httpx.Response]:
        def ask(applicant: int, day: str | None) -> Awaitable[httpx.Response]:
            params = {"applied_on": day} if day else {}
            files = {"file": ("rows.csv", as_csv([application(applicant)]))}
            return client.post("/score", files=files, params=params)

        return await asyncio.gather(*(ask(1000 + place, day) for place, day in enumerate(days)))

    assert [each.status_code for each in talk(service(scorer, gather_seconds=0.5), story)] == [200] * 4
    batches = sorted(zip(scorer.days, map(sorted, scorer.batches), strict=True), key=lambda batch: batch[1])
    assert batches == [(date(2018, 6, 1), [1000, 1002]), (date(2018, 6, 2), [1001]), (None, [1003])]


@pytest.mark.parametrize("day", ["", "yesterday", "17.05.2018", "2018-02-30", "1526515200", "2018-05-17T00:00:00"])
def test_a_day_is_an_iso_date(day: str) -> None:
    answer = talk(service(), lambda c: c.post("/score", params={"applied_on": day}, files={"file": b"x"}))
    assert answer.status_code == 422
    assert problems(answer) == [(None, "applied_on", f"{day} is not a date: write it as 2018-05-17")]


def test_applicants_of_the_lake_have_their_own_day() -> None:
    body = {"applicants": [ANNA]}
    answer = talk(service(), lambda c: c.post("/score", params={"applied_on": "2018-06-01"}, json=body))
    assert answer.status_code == 422
    assert [column for _, column, _ in problems(answer)] == ["applied_on"]


def test_a_day_that_the_lake_can_not_answer_for_is_refused() -> None:
    class Young(MadeUpScorer):
        def score_rows(self, rows: Sequence[Application], applied_on: date | None) -> Any:
            assert len(rows) == 1
            raise refused(422, f"there is no delivery up to {applied_on}", column="applied_on")

    body = {"rows": [application()]}
    answer = talk(service(Young()), lambda c: c.post("/score", params={"applied_on": "1970-01-01"}, json=body))
    assert answer.status_code == 422
    assert problems(answer) == [(None, "applied_on", "there is no delivery up to 1970-01-01")]


def test_a_batch_is_not_larger_than_a_request_may_be() -> None:
    scorer = MadeUpScorer()

    async def story(client: httpx.AsyncClient) -> Sequence[httpx.Response]:
        rows = [application(each) for each in range(1, 7)]
        return await asyncio.gather(*(upload(client, *rows[start : start + 2]) for start in (0, 2, 4)))

    app = service(scorer, most_rows=4, gather_seconds=0.5)
    assert [each.status_code for each in talk(app, story)] == [200] * 3
    assert [len(batch) for batch in scorer.batches] == [4, 2]


def test_one_callers_bad_row_is_not_another_callers() -> None:
    async def story(client: httpx.AsyncClient) -> Sequence[httpx.Response]:
        good, bad = application(ANNA), application(BRUNO, NAME_HOUSING_TYPE="Boat")
        return await asyncio.gather(upload(client, good), upload(client, bad))

    assert [each.status_code for each in talk(service(), story)] == [200, 422]


def test_more_callers_than_can_wait_are_told_to_come_again() -> None:
    hold = threading.Event()

    async def story(client: httpx.AsyncClient) -> tuple[httpx.Response, Sequence[httpx.Response]]:
        waiting = [asyncio.ensure_future(upload(client, application(each))) for each in (1, 2)]
        while (await client.get("/health")).json()["waiting"] < 2:
            await asyncio.sleep(0.01)
        turned_away = await upload(client, application(3))
        hold.set()
        return turned_away, await asyncio.gather(*waiting)

    turned_away, answered = talk(service(MadeUpScorer(hold), most_waiting=2), story)
    assert turned_away.status_code == 503
    assert int(turned_away.headers["retry-after"]) > 0
    assert [each.status_code for each in answered] == [200, 200]


class Body:
    """What a caller sends, in pieces; it knows whether anybody has read of it."""

    def __init__(self, *pieces: bytes, pause: float = 0) -> None:
        self.pieces, self.pause, self.read = pieces, pause, 0

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for piece in self.pieces:
            self.read += 1
            yield piece
            await asyncio.sleep(self.pause)


def send_slowly(client: httpx.AsyncClient, body: Body, **headers: str) -> Awaitable[httpx.Response]:
    return client.post("/score", content=body, headers={"content-type": "text/csv", **headers})


def test_the_body_of_a_caller_without_token_or_place_is_not_read() -> None:
    hold = threading.Event()
    app = service(MadeUpScorer(hold), token=SECRET, most_waiting=1)
    right = {"authorization": f"Bearer {SECRET}"}
    without_token, without_place = Body(b"x"), Body(b"x")

    async def story(client: httpx.AsyncClient) -> tuple[int, int, int]:
        first = asyncio.ensure_future(send_slowly(client, Body(as_csv([application()])), **right))
        while not (await client.get("/health")).json()["waiting"]:
            await asyncio.sleep(0.01)
        refused = [await send_slowly(client, without_token), await send_slowly(client, without_place, **right)]
        hold.set()
        return (await first).status_code, *(each.status_code for each in refused)

    assert talk(app, story) == (200, 401, 503)
    assert (without_token.read, without_place.read) == (0, 0)


def test_a_place_is_held_while_a_body_arrives_and_given_back_whatever_becomes_of_it() -> None:
    app = service(most_waiting=1)
    body = as_csv([application()])

    async def story(client: httpx.AsyncClient) -> tuple[int, int, int, int]:
        slow = asyncio.ensure_future(send_slowly(client, Body(body[:10], body[10:], pause=0.3)))
        await asyncio.sleep(0.1)
        turned_away = await upload(client, application(2))
        answered = await slow
        broken = await send_slowly(client, Body(b"x"))
        again = await upload(client, application(2))
        return turned_away.status_code, answered.status_code, broken.status_code, again.status_code

    assert talk(app, story) == (503, 200, 400, 200)


def test_all_who_wait_may_have_sent_so_many_bytes_together() -> None:
    hold = threading.Event()
    body = as_csv([application()])
    app = service(MadeUpScorer(hold), largest_waiting=2 * len(body))

    async def story(client: httpx.AsyncClient) -> list[int]:
        first = [asyncio.ensure_future(send_slowly(client, Body(body))) for _ in range(2)]
        while (await client.get("/health")).json()["waiting"] < 2:
            await asyncio.sleep(0.01)
        await asyncio.sleep(0.1)
        third = await send_slowly(client, Body(body))
        hold.set()
        later = [await each for each in first]
        return [
            third.status_code,
            *(each.status_code for each in later),
            (await send_slowly(client, Body(body))).status_code,
        ]

    assert talk(app, story) == [503, 200, 200, 200]


def test_who_hangs_up_while_his_request_arrives_is_no_bug() -> None:
    async def hangs_up() -> Message:
        return {"type": "http.disconnect"}

    scope = {"type": "http", "method": "POST", "headers": [(b"content-type", b"text/csv")]}
    with pytest.raises(Refused) as refused:
        asyncio.run(read_question(Request(scope, hangs_up), LIMITS))
    assert refused.value.status == 400


def test_who_sends_too_slowly_loses_the_place() -> None:
    app = service(body_seconds=0.1)
    answer = talk(app, lambda client: send_slowly(client, Body(b"a", b"b", pause=1)))
    assert answer.status_code == 408
    assert problems(answer) == [(None, None, "the request did not arrive within 0.1 seconds")]


def test_a_caller_who_hangs_up_takes_nothing_from_the_others() -> None:
    hold = threading.Event()

    async def story(client: httpx.AsyncClient) -> tuple[httpx.Response, int]:
        leaves, stays = (asyncio.ensure_future(upload(client, application(each))) for each in (1, 2))
        while (await client.get("/health")).json()["waiting"] < 2:
            await asyncio.sleep(0.01)
        leaves.cancel()
        await asyncio.sleep(0.05)
        hold.set()
        return await stays, (await client.get("/health")).json()["waiting"]

    answer, waiting = talk(service(MadeUpScorer(hold)), story)
    assert answer.status_code == 200
    assert waiting == 0


class Fragile(MadeUpScorer):
    """Fails at every question that holds Bruno."""

    def __init__(self, error: Exception) -> None:
        super().__init__()
        self.error = error

    def score_rows(self, rows: Sequence[Application], applied_on: date | None) -> list[ScoredApplicant | list[Problem]]:
        answers = super().score_rows(rows, applied_on)
        if BRUNO in self.batches[-1]:
            raise self.error
        return answers


BUG = ValueError("could not read the row of 100002")


@pytest.mark.parametrize(
    ("error", "status", "said"),
    [
        (BUG, 500, [(None, None, "the service failed: its log says where")]),
        (
            NotComputed(),
            422,
            [(1, None, "can't be computed with the histories that the lake holds of the applicant: look for a number")],
        ),
    ],
)
def test_an_error_of_one_callers_row_is_nobody_elses(
    error: Exception, status: int, said: list[tuple[int | None, str | None, str]], caplog: pytest.LogCaptureFixture
) -> None:
    scorer = Fragile(error)
    callers = [1000, 1001, BRUNO, *range(1002, 1008)]

    async def story(client: httpx.AsyncClient) -> Sequence[httpx.Response]:
        return await asyncio.gather(*(upload(client, application(each)) for each in callers))

    answers = talk(service(scorer, gather_seconds=0.5), story)
    assert [each.status_code for each in answers] == [200, 200, status, *[200] * 6]
    found = problems(answers[2])
    assert [(row, column) for row, column, _ in found] == [(row, column) for row, column, _ in said]
    assert found[0][2].startswith(said[0][2])
    assert sorted(scorer.batches[0]) == sorted(callers), "they came together"
    assert "9 callers failed together" in caplog.text
    assert str(BRUNO) not in caplog.text


@pytest.mark.parametrize("place", [0, 3, 6])
def test_the_row_of_a_file_at_which_the_engine_fails_is_found_in_few_tries(place: int) -> None:
    scorer = Fragile(NotComputed())
    rows = [application(each) for each in range(1000, 1006)]
    rows.insert(place, application(BRUNO))
    refused = send(service(scorer), as_csv(rows))
    assert refused.status_code == 422
    assert [row for row, _, _ in problems(refused)] == [place + 1]
    assert len(scorer.batches) <= 4


class Successor(MadeUpScorer):
    """The next version."""

    identity = MODEL.model_copy(update={"version": 8})


def test_a_new_champion_takes_over_between_two_batches(capsys: pytest.CaptureFixture[str]) -> None:
    hold = threading.Event()
    desk = Desk(MadeUpScorer(hold), LIMITS)

    async def story(client: httpx.AsyncClient) -> tuple[httpx.Response, httpx.Response, httpx.Response]:
        before = asyncio.ensure_future(upload(client, application(1)))
        while not desk.scorer.batches:
            await asyncio.sleep(0.01)
        look(desk, {7: Successor()}.get)
        after = asyncio.ensure_future(upload(client, application(2)))
        hold.set()
        return await before, await after, await client.get("/health")

    before, after, health = talk(made(desk), story)
    assert [each.json()["model"]["version"] for each in (before, after)] == [7, 8]
    assert health.json()["model_version"] == 8
    assert get(made(desk), "/model").json() == Successor.identity.model_dump()
    assert "version 8" in get(made(desk), "/").text
    assert "version 8 answers from now on, in place of version 7" in capsys.readouterr().err


def test_a_service_that_no_longer_looks_for_a_new_champion_is_not_well() -> None:
    app = made(Desk(MadeUpScorer(), LIMITS), keeps_up=False)
    health = get(app, "/health")
    assert health.status_code == 503
    assert problems(health) == [(None, None, "no longer looks for a new champion: restart the service")]
    assert send(app, as_csv([application()])).status_code == 200
    described = get(app, "/openapi.json").json()["paths"]["/health"]["get"]["responses"]
    assert set(described) == {"200", "503"}


def test_an_error_that_nobody_expected_ends_the_look_and_is_told_without_what_it_quotes(
    capsys: pytest.CaptureFixture[str],
) -> None:
    secret = "https://user:password@mlflow, the row of 100001"

    class Broken:
        def newer_than(self, version: int) -> None:
            raise ValueError(secret, version)

        def refresh_index(self) -> None:
            """Nothing to do."""

    looking = keep_up(Desk(MadeUpScorer(), limits(refresh_seconds=0.001)), Broken())
    looking.wait(30)
    assert looking.ready()
    logged = capsys.readouterr().err
    assert "no longer looks for a new champion: restart the service" in logged
    assert "in newer_than" in logged
    assert "ValueError" in logged
    assert secret not in logged


def test_no_part_of_an_answer_waits_until_another_is_acknowledged() -> None:
    with listen("127.0.0.1", 0) as listener, socket.create_connection(listener.getsockname()):
        answering, _ = listener.accept()
        with answering:
            assert answering.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


def test_without_an_index_the_service_goes_on_and_says_so_without_what_the_error_quotes(
    capsys: pytest.CaptureFixture[str],
) -> None:
    def full() -> None:
        raise OSError("no space left for the row of 100001")

    refresh(full)
    refresh(lambda: None)
    refresh(lambda: date(2018, 5, 17))
    assert capsys.readouterr().err.splitlines() == [
        "    serve: warning: answers take longer, there is no index of the newest delivery: OSError",
        "    serve: finds applicants by an index of the delivery of 2018-05-17",
    ]


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (TryAgain("the MLflow server http://mlflow:5000 does not answer"), "the MLflow server http://mlflow:5000 does"),
        (OSError("the row of 100001"), "can't be read: OSError"),
    ],
)
def test_while_no_new_champion_can_be_read_the_old_one_goes_on(
    error: Exception, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    def unreachable(_: int) -> None:
        raise error

    desk = Desk(MadeUpScorer(), LIMITS)
    look(desk, unreachable)
    look(desk, lambda _: None)
    assert desk.scorer.identity == MODEL
    logged = capsys.readouterr().err
    assert logged.count("warning: version 7 goes on") == 1
    assert said in logged
    assert "100001" not in logged


def test_a_logged_error_says_where_it_happened_and_quotes_nothing() -> None:
    cell = "12345.678"
    try:
        raise ValueError(f"AMT_CREDIT is {cell}")
    except ValueError:
        record = logging.LogRecord("x", logging.ERROR, "f", 1, "it failed", None, sys.exc_info())
    logged = WithoutValues("%(message)s").format(record)
    assert "test_api.py" in logged
    assert "ValueError" in logged
    assert cell not in logged


def test_the_pages_need_nothing_from_elsewhere() -> None:
    for path, shown in (("/", "Drop a CSV file"), ("/docs", "/score")):
        answer = get(service(token=SECRET), path)
        assert answer.status_code == 200
        assert shown in answer.text
        assert "://" not in answer.text.replace("http://service", "")
        assert SECRET not in answer.text


def test_the_form_asks_for_a_token_where_there_is_one_and_tells_no_more_than_the_service_would_without() -> None:
    guarded, open_to_all = get(service(token=SECRET), "/").text, get(service(), "/").text
    assert 'id="token"' in guarded
    assert 'id="token"' not in open_to_all
    for told in (f"{MODEL.name}, version {MODEL.version}", f"{100 * MODEL.threshold:.1f}%"):
        assert told in open_to_all
        assert told not in guarded


def test_the_openapi_page_tells_every_answer() -> None:
    described = get(service(), "/openapi.json").json()
    assert set(described["paths"]) == {"/score", "/model", "/health"}
    score = described["paths"]["/score"]["post"]
    assert set(score["responses"]) == {"200", "400", "401", "403", "404", "408", "413", "415", "422", "503"}
    assert set(score["requestBody"]["content"]) == {"application/json", "multipart/form-data", "text/csv"}
    for schema in described["components"]["schemas"].values():
        assert schema["description"]
    assert len(COLUMNS) == 121
