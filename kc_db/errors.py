"""Every error that kc-db raises on purpose; each knows the exit code that it ends a command with."""


class KcDbError(Exception):
    """Something ended a command. The message says what, where, and what to do next, in one or two lines."""

    exit_code = 3


class InputError(KcDbError):
    """Bad usage or bad input: nothing was looked at.

    Args:
        message: what is wrong and what to do next.
        file: the file that it stands in, if any.
        line: 1-based line in the file, if known.
        column: 1-based column in the line, if known.
    """

    exit_code = 2

    def __init__(
        self, message: str, *, file: str | None = None, line: int | None = None, column: int | None = None
    ) -> None:
        place = ":".join(str(part) for part in (file, line, column) if part is not None)
        super().__init__(f"{place}: {message}" if place else message)
        self.file = file
        self.line = line
        self.column = column


class ServerError(KcDbError):
    """The server could not be reached, refused, or lacks something: kc-db could not look."""


class NothingToCheckError(KcDbError):
    """There is nothing to compare with (no spec found), so that 'all is well' would be a lie."""


class RefusedError(KcDbError):
    """kc-db will not do what was asked, because it would hurt or could not end well."""
