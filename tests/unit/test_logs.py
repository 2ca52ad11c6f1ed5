import json
import logging
from collections.abc import Iterator

import pytest

from kc_db.errors import InputError
from kc_db.logs import configure_logs, correlation_id, log


@pytest.fixture(autouse=True)
def _undo() -> Iterator[None]:
    loggers = [logging.getLogger(name) for name in ("kc_db", "alembic")]
    before = [(logger.handlers[:], logger.level, logger.propagate) for logger in loggers]
    yield
    for logger, (handlers, level, propagate) in zip(loggers, before, strict=True):
        logger.handlers[:] = handlers
        logger.setLevel(level)
        logger.propagate = propagate


def test_a_given_id_goes_before_the_environments(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CORRELATION_ID", "from-environment")
    assert correlation_id("given") == "given"
    assert correlation_id() == "from-environment"


@pytest.mark.parametrize("nothing", [None, ""])
def test_without_an_id_a_new_one_is_made_each_time(
    monkeypatch: pytest.MonkeyPatch, nothing: str | None
) -> None:
    monkeypatch.setenv("CORRELATION_ID", "")
    first, second = correlation_id(nothing), correlation_id(nothing)
    assert first != second
    assert len(first) == len(second) == 12


def test_a_uuid_fits() -> None:
    assert correlation_id("123e4567-e89b-12d3-a456-426614174000")


@pytest.mark.parametrize("bad", ["x" * 37, "umlaut-ü", "two\nlines", "bell\x07", "🐘"])
def test_an_id_that_application_name_cannot_carry_is_refused(
    monkeypatch: pytest.MonkeyPatch, bad: str
) -> None:
    with pytest.raises(InputError, match="at most 36 printable ASCII") as caught:
        correlation_id(bad)
    assert caught.value.exit_code == 2
    monkeypatch.setenv("CORRELATION_ID", bad)
    with pytest.raises(InputError):
        correlation_id()


def test_text_goes_to_stderr_with_the_id(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logs("text", "deploy-42")
    log.info("waiting for %s", "the lock")
    log.debug("not shown")
    assert capsys.readouterr() == ("", "kc-db [deploy-42] waiting for the lock\n")


def test_json_is_one_object_per_line_with_the_id(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logs("json", "deploy-42")
    log.warning('two\nlines, "quoted" 🐘')
    logging.getLogger("alembic.runtime.migration").info("Running upgrade")
    out, err = capsys.readouterr()
    assert out == ""
    first, second = map(json.loads, err.splitlines())
    assert first.pop("time")
    assert first == {
        "level": "WARNING",
        "logger": "kc_db",
        "message": 'two\nlines, "quoted" 🐘',
        "correlation_id": "deploy-42",
    }
    assert second["logger"] == "alembic.runtime.migration"
    assert second["correlation_id"] == "deploy-42"


def test_json_keeps_an_exception_on_its_line(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logs("json", "x")
    try:
        int("boom")
    except ValueError:
        log.exception("it failed")
    (line,) = capsys.readouterr().err.splitlines()
    assert "boom" in json.loads(line)["exc_info"]


def test_configuring_again_replaces_the_handler(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logs("json", "first")
    configure_logs("text", "second")
    log.info("once")
    assert capsys.readouterr().err == "kc-db [second] once\n"


def test_remarks_do_not_reach_the_root_logger() -> None:
    configure_logs("text", "x")
    assert not log.propagate


def test_the_level_can_be_set(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logs("text", "x", level=logging.DEBUG)
    log.debug("shown")
    assert capsys.readouterr().err == "kc-db [x] shown\n"
