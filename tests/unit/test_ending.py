"""How the command ends where a signal came first and cleaning up failed over it."""

import signal

import click
import pytest

from kc_db import cli
from kc_db.errors import ServerError


@pytest.mark.parametrize("raised", [ServerError("the connection is lost"), ValueError("odd"), click.Abort()])
def test_a_signal_outweighs_what_went_wrong_after_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], raised: Exception
) -> None:
    def interrupted(**_: object) -> None:
        raise raised

    monkeypatch.setattr(cli, "commands", interrupted)
    monkeypatch.setattr(cli, "_signals", [signal.SIGTERM])
    monkeypatch.setattr(signal, "signal", lambda *_: None)
    monkeypatch.setattr(cli.gc, "disable", lambda: None)
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert ended.value.code == 143
    assert "stopped by SIGTERM; run it again" in capsys.readouterr().err
