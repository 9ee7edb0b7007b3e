"""`/`: what anyone may do here, and where a payer finds their payment again."""

from __future__ import annotations

from dataclasses import dataclass

from flask import Blueprint, Flask, current_app, render_template

from payments.core.words import later


@dataclass(frozen=True, slots=True)
class Door:
    """A page for everybody: the name under which it is served, its title, and what it is for."""

    endpoint: str
    title: str
    words: str


DOORS: tuple[Door, ...] = (
    Door(
        "verify.form",
        later("Check a receipt or a record"),
        later("By the code that is printed on it, or by its file."),
    ),
    Door(
        "public_tariff.page",
        later("Fees and charges"),
        later("What each procedure costs, by which rule, and who pays less or nothing."),
    ),
)
"""The pages of this half; the other one adds its own."""


def install(app: Flask) -> None:
    """Adds the page."""
    pages = Blueprint("start", __name__)
    app.extensions["doors"] = [*DOORS]

    @pages.get("/")
    def page() -> str:
        return render_template("start.html", doors=current_app.extensions["doors"])

    app.register_blueprint(pages)


def add_door(app: Flask, door: Door) -> None:
    """Leads from the page to another one for everybody."""
    app.extensions["doors"].append(door)
