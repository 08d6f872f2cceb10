"""Pages for people: what they say is data, how they look is a template beside this file; each is one file."""

import base64
from collections.abc import Mapping
from importlib.resources import files

from jinja2 import Environment, FunctionLoader, StrictUndefined
from matplotlib.figure import Figure

from jobs.pages import plots


def read_template(name: str) -> str:
    """The text of a template, also where the package is in a zip."""
    return files("jobs.pages").joinpath("templates", name).read_text(encoding="utf-8")


def render(template: str, said: Mapping[str, object]) -> str:
    """The page. Values are escaped in HTML; a name that the template knows and the data doesn't is an error."""
    environment = Environment(
        loader=FunctionLoader(read_template),
        autoescape=template.endswith(".html.jinja"),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    return environment.get_template(template).render(said)


def images(figures: Mapping[str, Figure]) -> dict[str, str]:
    """Each figure as the address of an image, so that the page needs no other file."""
    return {name: data_uri(figure) for name, figure in figures.items()}


def data_uri(figure: Figure) -> str:
    """The figure as the address of an image."""
    return "data:image/svg+xml;base64," + base64.b64encode(plots.svg(figure).encode()).decode()
