"""Questions to AWS: one session, all pages, the time of each answer, and errors in one line without secrets.

Credentials are found as every AWS tool finds them (environment, profile, SSO, role of the task); kc-db never
shows them. Only Describe... and List... calls are made.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from kc_db.errors import InputError, KcDbError, ServerError

Item = Mapping[str, Any]

_CONNECT_TIMEOUT_S = 10
_READ_TIMEOUT_S = 30
_MOST_ATTEMPTS = 4
_SHOWN = 200
_DENIED = frozenset(
    {"AccessDenied", "AccessDeniedException", "AuthorizationError", "NotAuthorized", "UnauthorizedOperation"}
)
_EXPIRED = frozenset({"ExpiredToken", "ExpiredTokenException", "RequestExpired", "TokenRefreshRequired"})
# AWS's own words to these may repeat parts of the signed request, so they are never shown.
_BAD_CREDENTIALS = re.compile(r"Credential|Signature|Token|SignUp|OptIn|UnrecognizedClient|AuthFailure")
# botocore has a dozen classes of them, more with each version.
_CREDENTIAL_ERROR = re.compile(r"Credential|Token|SSO|Login|Metadata")
_HOW_TO_LOG_IN = "set AWS_PROFILE, or log in (aws sso login), or run where a role gives credentials"
_NAMES = {"ecs": "ECS", "rds": "RDS", "application-autoscaling": "Application Auto Scaling"}


class AwsError(ServerError):
    """AWS answered with an error of its own.

    Args:
        message: the whole line.
        code: AWS's name of the error, like ClusterNotFoundException.
    """

    def __init__(self, message: str, code: str) -> None:
        super().__init__(message)
        self.code = code


class DeniedError(ServerError):
    """The credentials may not make this call; others may work.

    Args:
        action: the IAM action that is missing, like ecs:ListServices.
    """

    def __init__(self, action: str) -> None:
        super().__init__(f"AWS refuses {action}; allow this action in the IAM policy of the role or user")
        self.action = action

    @property
    def why(self) -> str:
        """The end of a sentence: why a value is unknown."""
        return f"the credentials lack the IAM action {self.action}"


@dataclass(frozen=True, slots=True)
class Answer:
    """What AWS said.

    Attributes:
        items: all pages' items.
        call: the API and its operation, like "ECS DescribeServices".
        at: when the answer was complete, in UTC.
    """

    items: tuple[Any, ...]
    call: str
    at: datetime

    def origin(self, what: str) -> str:
        """Where a value was read: `what` names the thing and its field, like payment.desiredCount."""
        return f"{self.call} {what} at {self.at:%Y-%m-%dT%H:%M:%SZ}"


@dataclass(frozen=True, slots=True)
class Api:
    """One service of AWS in one region.

    Attributes:
        service: as boto3 and IAM call it: ecs, rds, application-autoscaling.
        client: boto3's client of it.
    """

    service: str
    client: Any = field(repr=False)

    @property
    def region(self) -> str:
        """The region that is asked."""
        return str(self.client.meta.region_name)

    def ask(self, operation: str, key: str, **arguments: Any) -> Answer:
        """All pages of an answer.

        Args:
            operation: as IAM and the API's documentation write it: DescribeDBInstances.
            key: the list in the answer: DBInstances; a single object counts as a list of one.
            arguments: the operation's own.

        Raises:
            DeniedError: the credentials may not do that.
            InputError: there are no credentials, or AWS doesn't know them.
            ServerError: AWS can't be reached, or answers with an error.
        """
        with translated_errors(self.service, operation):
            items = tuple(self._items(operation, key, arguments))
        return Answer(items, f"{_NAMES[self.service]} {operation}", datetime.now(UTC))

    def _items(self, operation: str, key: str, arguments: Mapping[str, Any]) -> Iterator[Any]:
        from botocore import xform_name

        method = xform_name(operation)
        if self.client.can_paginate(method):
            pages: Iterable[Item] = self.client.get_paginator(method).paginate(**arguments)
        else:
            pages = [getattr(self.client, method)(**arguments)]
        for page in pages:
            found = page.get(key, ())
            yield from (found,) if isinstance(found, Mapping) else found


def open_apis(*services: str, region: str | None) -> tuple[Api, ...]:
    """Clients of one session, none of which has asked anything yet.

    Args:
        services: as boto3 calls them.
        region: instead of the one that AWS's own configuration names.

    Raises:
        InputError: boto3 isn't installed, or AWS's configuration names no region or no such profile.
    """
    try:
        import boto3
        from botocore.config import Config
    except ImportError as error:
        raise InputError("reading from AWS needs boto3: pip install 'kc-db[aws]'") from error
    config = Config(
        connect_timeout=_CONNECT_TIMEOUT_S,
        read_timeout=_READ_TIMEOUT_S,
        retries={"mode": "standard", "max_attempts": _MOST_ATTEMPTS},
    )
    with translated_errors("", ""):
        session = boto3.Session(region_name=region)
        return tuple(Api(service, session.client(service, config=config)) for service in services)


@contextmanager
def translated_errors(service: str, operation: str) -> Iterator[None]:
    """Turns botocore's errors into one line without secrets.

    Raises:
        KcDbError: botocore raised inside; see Api.ask.
    """
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        yield
    except ClientError as error:
        raise _explain_refusal(error, service, operation) from None
    except BotoCoreError as error:
        raise _explain_failure(error, service, operation) from None


def _explain_refusal(error: Any, service: str, operation: str) -> KcDbError:
    """AWS answered with an error. `from None` above: the original's text may repeat the request."""
    code = str(error.response.get("Error", {}).get("Code", ""))
    if code in _DENIED:
        return DeniedError(f"{service}:{operation}")
    if code in _EXPIRED:
        return InputError(f"the AWS credentials have expired ({code}); {_HOW_TO_LOG_IN}")
    if _BAD_CREDENTIALS.search(code):
        return InputError(f"AWS doesn't accept the credentials ({code}); {_HOW_TO_LOG_IN}")
    said = " ".join(str(error.response.get("Error", {}).get("Message", "")).split())[:_SHOWN]
    return AwsError(f"{_NAMES[service]} {operation} failed: {code}{': ' if said else ''}{said}", code)


def _explain_failure(error: Any, service: str, operation: str) -> KcDbError:
    """No answer came: botocore's own classes say why."""
    from botocore import exceptions

    if isinstance(error, exceptions.NoRegionError | exceptions.InvalidRegionError):
        return InputError("AWS needs a region like eu-west-1; set the source's region, or AWS_REGION")
    if isinstance(error, exceptions.ProfileNotFound):
        return InputError(
            "AWS_PROFILE names a profile that isn't in ~/.aws/config; aws configure list-profiles"
        )
    if _CREDENTIAL_ERROR.search(type(error).__name__):
        return InputError(
            f"there are no AWS credentials that work ({type(error).__name__}); {_HOW_TO_LOG_IN}"
        )
    if isinstance(error, exceptions.HTTPClientError | exceptions.ConnectionError):
        kind = type(error).__name__
        return ServerError(
            f"can't reach AWS for {_NAMES.get(service, service)} {operation} ({kind}); "
            "check the network, the proxy and the region"
        )
    call = f"{_NAMES[service]} {operation}" if service else "AWS's configuration"
    return ServerError(f"{call} failed: {type(error).__name__}; check ~/.aws/config and the AWS_ variables")
