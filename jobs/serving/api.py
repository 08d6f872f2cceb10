"""The REST service: HTTP to questions for the desk, its answers to HTTP. Knows neither Spark nor the lake."""

import asyncio
import hashlib
import logging
import secrets
import traceback
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import date
from importlib.resources import files
from typing import Annotated, Any

from fastapi import Depends, FastAPI, Query, Request, Response
from fastapi.responses import HTMLResponse, JSONResponse
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from jinja2 import Environment, StrictUndefined
from starlette.datastructures import Headers, UploadFile
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Receive, Scope, Send

from features.rows_as_sent import few, shown
from jobs.runtime.settings import Serve
from jobs.serving.csv_uploads import read_csv
from jobs.serving.desk import Desk
from jobs.serving.json_requests import ScoreRequest, read_request
from jobs.serving.known_hosts import KnownHosts
from jobs.serving.questions import LakeApplicants, Question
from jobs.serving.responses import Health, Problem, Problems, Refused, Scores, ScoringModel, refused
from jobs.serving.uploads import COLUMNS

DESCRIPTION = """
Scores applicants for a loan with the champion of a lake: probability of default, score, decision, and the reasons that
a declined applicant can be told. What the lake holds of an applicant's earlier credits is joined to the row that is
sent.

A request is answered as a whole or not at all: where one of its rows breaks the contract, with 422 and every problem by
row and column.
"""
REFUSALS: dict[int | str, dict[str, Any]] = {
    400: {"model": Problems, "description": "It can't be read as CSV, JSON or a form."},
    401: {"model": Problems, "description": "The token is missing or wrong."},
    404: {
        "model": Problems,
        "description": "The lake does not hold these applicants, or not with the features that the champion reads.",
    },
    403: {"model": Problems, "description": "The request names a host that is not this service's."},
    408: {"model": Problems, "description": "The request took too long to arrive."},
    413: {"model": Problems, "description": "Too many bytes or rows."},
    415: {"model": Problems, "description": "Neither JSON, a form with a file, nor CSV."},
    422: {"model": Problems, "description": "Columns or cells break the contract."},
    503: {"model": Problems, "description": "Too many callers are waiting: try again."},
}
FORM = "multipart/form-data"
MOST_FIELDS = 1000
READERS: dict[str, Callable[[bytes, int], Question]] = {
    "application/json": read_request,
    "text/csv": read_csv,
    FORM: read_csv,
}

AppliedOn = Annotated[
    str | None,
    Query(
        description="The day of the applications that are sent. Histories are taken from deliveries up to that day, "
        "and their days and months are counted from it; without it they count from their delivery's applications.",
        examples=["2018-06-19"],
    ),
]
BEARER = HTTPBearer(auto_error=False, description="Where the service was started with a token.")


class OnlyKnownHosts:
    """Refuses requests that name a host which is not the service's."""

    def __init__(self, app: ASGIApp, hosts: KnownHosts) -> None:
        self.app, self.hosts = app, hosts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or answer it."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        stranger = self.hosts.stranger([*headers.getlist("host"), *headers.getlist("origin")])
        if stranger is None:
            await self.app(scope, receive, send)
        else:
            problem = f"this service is not {shown(stranger)}: name its hosts in the setting serve.hosts"
            await answer(403, [Problem(problem=problem)])(scope, receive, send)


class WithoutValues(logging.Formatter):
    """A log without the texts of errors: an engine's may quote the cell that it failed at."""

    def formatException(self, ei: Any) -> str:  # noqa: ANN401, N802  logging's own name and types
        """Where it happened, and of which kind it was."""
        kind, _, frames = ei
        return "".join([*traceback.format_tb(frames), kind.__name__])


def make_app(desk: Desk, token: str | None, keeps_up: Callable[[], bool], hosts: KnownHosts | None = None) -> FastAPI:
    """The service.

    Args:
        desk: Answers, within its limits.
        token: What callers must send; None asks for none.
        keeps_up: Whether a new champion would take over.
        hosts: What it may be asked for; None takes any name.
    """
    limits = desk.limits
    app = FastAPI(title="Home Credit default risk", description=DESCRIPTION, version="1", docs_url=None, redoc_url=None)
    if hosts is not None:
        app.add_middleware(OnlyKnownHosts, hosts=hosts)

    def authorised(sent: Annotated[HTTPAuthorizationCredentials | None, Depends(BEARER)]) -> None:
        if token and not (sent and is_same(sent.credentials, token)):
            raise refused(401, "send the token of this service as the header Authorization: Bearer ...")

    guarded = [Depends(authorised)]

    @app.post(
        "/score",
        dependencies=guarded,
        responses=REFUSALS,
        summary="Score applicants",
        response_description="Everyone asked for, scored.",
        openapi_extra={"requestBody": request_body()},
    )
    async def score(request: Request, applied_on: AppliedOn = None) -> Scores:
        """Answers in the order of the question.

        Send a CSV file like application_test.csv (as a form's file, or as text/csv), JSON with rows of the same
        columns, or JSON with applicants whose features the lake holds.
        """
        day = None if applied_on is None else day_of(applied_on)
        with desk.places.take() as place:
            counted = Request(request.scope, place.counted(request.receive))
            question = await read_question(counted, limits)
            unknown = [name for name in request.query_params if name != "applied_on"]
            return await desk.ask(told_of_parameters(on_day(question, day), unknown))

    @app.get(
        "/model",
        dependencies=guarded,
        responses={401: REFUSALS[401]},
        summary="The model that scores",
        response_description="The champion.",
    )
    async def model() -> ScoringModel:
        """The one that answers now; a new champion takes its place after a while."""
        return desk.scorer.identity

    @app.get(
        "/health",
        responses={503: {"model": Problems, "description": "It does, but a new champion would not: restart it."}},
        summary="Whether the service answers",
        response_description="It does.",
    )
    async def health() -> Health:
        """Needs no token."""
        if not keeps_up():
            raise refused(503, "no longer looks for a new champion: restart the service")
        return Health(status="ok", model_version=desk.scorer.identity.version, waiting=desk.places.callers)

    @app.get("/", include_in_schema=False)
    async def form() -> HTMLResponse:
        return page("form", model=desk.scorer.identity, columns=COLUMNS, needs_token=bool(token), limits=limits)

    @app.get("/docs", include_in_schema=False)
    async def docs() -> HTMLResponse:
        return page("reference", api=app.openapi())

    add_refusals(app)
    return app


def is_same(sent: str, token: str) -> bool:
    """Whether the token was sent; it takes as long for a wrong one, whatever its length."""
    return secrets.compare_digest(*(hashlib.sha256(text.encode()).digest() for text in (sent, token)))


def day_of(text: str) -> date:
    """The day of the applications."""
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise refused(422, f"{shown(text)} is not a date: write it as 2018-05-17", column="applied_on") from None


def told_of_parameters(question: Question, unknown: Sequence[str]) -> Question:
    """The question with a warning of the parameters that mean nothing here."""
    if not unknown:
        return question
    warning = f"ignored, no parameter of /score: {few([shown(name) for name in unknown])}"
    return replace(question, warnings=(*question.warnings, warning))


def on_day(question: Question, day: date | None) -> Question:
    """The question of applications of that day."""
    if day is None:
        return question
    if isinstance(question, LakeApplicants):
        raise refused(
            422, "goes with rows: applicants of the lake are scored as of their delivery", column="applied_on"
        )
    return replace(question, applied_on=day)


async def read_question(request: Request, limits: Serve) -> Question:
    """The rows or identifiers that a request holds, whichever of the three forms it has."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind not in READERS:
        raise refused(415, "send application/json, multipart/form-data with a file, or text/csv")
    try:
        async with asyncio.timeout(limits.body_seconds):
            body, warnings = await the_file(request) if kind == FORM else (await request.body(), [])
    except TimeoutError:
        raise refused(408, f"the request did not arrive within {limits.body_seconds:g} seconds") from None
    except ClientDisconnect:
        raise refused(400, "the request ended before its end") from None
    question = await asyncio.to_thread(READERS[kind], body, limits.most_rows)
    return replace(question, warnings=(*warnings, *question.warnings))


async def the_file(request: Request) -> tuple[bytes, list[str]]:
    """The content of a form's file, and what is said of its other fields."""
    async with request.form(max_files=MOST_FIELDS, max_fields=MOST_FIELDS) as form:
        match form.getlist("file"):
            case [UploadFile() as sent]:
                others = [shown(name) for name in form if name != "file"]
                warnings = [f"ignored, no field of this form: {few(others)}"] if others else []
                return await sent.read(), warnings
            case []:
                problem = "has no file: name the field file"
            case [str()]:
                problem = "holds a text in the field file: write @ before the file's name"
            case several:
                problem = f"has {len(several)} fields named file: send one"
    raise refused(400, f"the form {problem}, as in curl -F file=@application_test.csv")


def answer(status: int, problems: Sequence[Problem], headers: Mapping[str, str] | None = None) -> JSONResponse:
    """Problems as a response."""
    return JSONResponse(Problems(detail=list(problems)).model_dump(), status, dict(headers or {}))


def add_refusals(app: FastAPI) -> None:
    """Every error as `Problems`."""

    async def of_ours(_: Request, error: Refused) -> Response:
        headers = {401: {"WWW-Authenticate": "Bearer"}, 503: {"Retry-After": "5"}}
        return answer(error.status, error.problems, headers.get(error.status))

    async def of_http(_: Request, error: HTTPException) -> Response:
        return answer(error.status_code, [Problem(problem=str(error.detail))], error.headers)

    async def of_a_bug(_: Request, __: Exception) -> Response:
        return answer(500, [Problem(problem="the service failed: its log says where")])

    app.add_exception_handler(Refused, of_ours)  # type: ignore[arg-type]
    app.add_exception_handler(HTTPException, of_http)  # type: ignore[arg-type]
    app.add_exception_handler(Exception, of_a_bug)


def request_body() -> dict[str, Any]:
    """What `POST /score` takes, for the OpenAPI page."""
    row = {"SK_ID_CURR": 100001, "NAME_CONTRACT_TYPE": "Cash loans", "AMT_INCOME_TOTAL": 135000, "AMT_CREDIT": 568800.0}
    examples = {
        "applicants": {"summary": "Applicants whom the lake holds", "value": {"applicants": [100001, 100005]}},
        "rows": {"summary": "Rows, here with a few of the columns", "value": {"rows": [row]}},
    }
    file = {"type": "object", "required": ["file"], "properties": {"file": {"type": "string", "format": "binary"}}}
    return {
        "required": True,
        "content": {
            "application/json": {"schema": ScoreRequest.model_json_schema(), "examples": examples},
            "multipart/form-data": {"schema": file},
            "text/csv": {"schema": {"type": "string"}},
        },
    }


def page(name: str, **values: object) -> HTMLResponse:
    """A page from a template beside this file; it loads nothing from elsewhere."""
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    environment.policies["json.dumps_kwargs"] = {"sort_keys": False}
    template = environment.from_string(
        files("jobs.serving").joinpath("templates", f"{name}.html.jinja").read_text(encoding="utf-8")
    )
    return HTMLResponse(template.render(**values))
