"""As which system user the server runs: PostgreSQL refuses to run as root."""

import os
import pwd
import shutil
from pathlib import Path

from kc_db.errors import ServerError


def as_server_user(folder: Path) -> list[str]:
    """What to put before a command when we are root, as which PostgreSQL refuses to run.

    Root's own folder is served by `nobody`, with the right to pass closed parent folders (CAP_DAC_OVERRIDE),
    so that none has to be opened up. Another owner serves his own, without it: SQL would lend it to him.
    """
    if os.geteuid() != 0:
        return []
    if not shutil.which("setpriv"):
        raise ServerError(
            "PostgreSQL can't run as root without setpriv: install util-linux, or be an ordinary user"
        )
    status = folder.stat()
    uid, gid, powers = status.st_uid, status.st_gid, list[str]()
    if uid == 0:
        uid, gid = _nobody()
        # without no_setuid_fixup access() ignores the capability, and initdb asks access() about its programs
        powers = ["--inh-caps=+dac_override", "--ambient-caps=+dac_override", "--securebits=+no_setuid_fixup"]
    return ["setpriv", f"--reuid={uid}", f"--regid={gid}", "--clear-groups", *powers, "--pdeathsig=INT"]


def _nobody() -> tuple[int, int]:
    try:
        nobody = pwd.getpwnam("nobody")
    except KeyError:
        message = "PostgreSQL can't run as root, and there is no user `nobody` to run it: be an ordinary user"
        raise ServerError(message) from None
    return nobody.pw_uid, nobody.pw_gid
