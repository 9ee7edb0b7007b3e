"""What machines ask: alive, ready, and how it is going."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest
from flask.testing import FlaskClient
from sqlalchemy import text
from sqlalchemy.orm import Session

from payments.core import clock, leases
from payments.core.database import Database
from payments.core.metrics import Reading
from payments.web import kit, ops


def figures(_session: Session) -> list[Reading]:
    return [Reading("waiting", "What waits.", 7.0, {"of": "callbacks"})]


def client_of(database: Database) -> FlaskClient:
    app = kit.new_app(base_url="http://127.0.0.1:8000")
    app.register_blueprint(ops.blueprint(database, [ops.heart, figures]))
    return app.test_client()


@pytest.fixture
def client(database: Database) -> FlaskClient:
    return client_of(database)


@pytest.fixture
def unreachable() -> Iterator[FlaskClient]:
    nowhere = Database("sqlite:////no/such/folder/here.sqlite")
    yield client_of(nowhere)
    nowhere.dispose()


def test_a_process_that_answers_is_alive(unreachable: FlaskClient) -> None:
    """It does not ask the database: a restart would not bring that back."""
    assert unreachable.get("/healthz").get_json() == {"status": "ok"}


def test_ready_with_the_database_and_a_beating_heart(
    client: FlaskClient, database: Database
) -> None:
    database.write(
        lambda s: leases.beat(
            s, leases.HEART, holder="a", for_=timedelta(seconds=30), now=clock.now()
        )
    )
    answer = client.get("/readyz")
    assert answer.status_code == 200
    assert answer.get_json() == {"status": "ok", "checks": {"database": "ok", "scheduler": "ok"}}


def test_without_a_scheduler_callbacks_are_still_taken_in(client: FlaskClient) -> None:
    answer = client.get("/readyz")
    assert answer.status_code == 200
    assert answer.get_json()["checks"]["scheduler"] == "no_heartbeat"


def test_not_ready_before_the_migration(client: FlaskClient, database: Database) -> None:
    database.write(lambda session: session.execute(text("DELETE FROM alembic_version")))
    answer = client.get("/readyz")
    assert answer.status_code == 503
    assert answer.get_json()["checks"] == {"database": "schema_out_of_date"}


def test_not_ready_without_a_database(unreachable: FlaskClient) -> None:
    answer = unreachable.get("/readyz")
    assert answer.status_code == 503
    assert answer.get_json() == {"status": "not_ready", "checks": {"database": "failed"}}


def test_measurements_tell_what_the_database_knows(client: FlaskClient) -> None:
    page = client.get("/metrics")
    assert page.content_type.startswith("text/plain")
    lines = page.get_data(as_text=True).splitlines()
    assert 'cashless_waiting{of="callbacks"} 7.0' in lines
    assert "cashless_scheduler_alive 0.0" in lines


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/metrics"])
def test_only_asking_is_allowed(client: FlaskClient, path: str) -> None:
    assert client.post(path).status_code == 405
