"""Translates gRPC errors, and the server's ``Problem`` in them, to ``koalab.errors``."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

import grpc
from google.protobuf.message import DecodeError

from kernel_server.wire import PROBLEM_KEY, kernel_pb2
from koalab import errors
from koalab.dates import SEOUL

_SEOUL = ZoneInfo(SEOUL)


def to_error(error: grpc.RpcError, target: str) -> errors.KoalabError:
    """The koalab error for a gRPC error."""
    problem = _problem(error)
    if problem is not None:
        return _from_problem(problem)
    status = error.code() if isinstance(error, grpc.Call) else None
    details = (error.details() if isinstance(error, grpc.Call) else None) or str(error)
    if status == grpc.StatusCode.UNAVAILABLE:
        return errors.ServerLost(f"the kernel server at {target} is gone ({details})")
    if status == grpc.StatusCode.DEADLINE_EXCEEDED:
        return errors.NoAnswer(f"the kernel server at {target} did not answer in time")
    if status == grpc.StatusCode.UNIMPLEMENTED:
        return errors.NotConnected(
            f"what listens at {target} is no koalab kernel server, or an older one ({details})"
        )
    if status in (grpc.StatusCode.UNAUTHENTICATED, grpc.StatusCode.PERMISSION_DENIED):
        return errors.Forbidden(f"the kernel server at {target} does not allow this: {details}")
    if status == grpc.StatusCode.CANCELLED:
        return errors.ServerLost(
            f"the call to {target} was cut off: the session was closed or the server stopped"
        )
    return errors.KoalabError(f"{target}: {status}: {details}")


def session_closed() -> errors.NotConnected:
    """The error for any use of a session after its end that needs the broker."""
    return errors.NotConnected("this session is closed: kl.connect() makes a new one")


def _problem(error: grpc.RpcError) -> kernel_pb2.Problem | None:
    if not isinstance(error, grpc.Call):
        return None
    for key, value in error.trailing_metadata() or ():
        if key == PROBLEM_KEY and isinstance(value, bytes):
            try:
                return kernel_pb2.Problem.FromString(value)
            except DecodeError:
                return None
    return None


def _from_problem(problem: kernel_pb2.Problem) -> errors.KoalabError:
    if problem.kind == "RateLimited":
        when = datetime.fromtimestamp(problem.retry_at, _SEOUL) if problem.retry_at else None
        return errors.RateLimited(problem.message, when)
    if problem.kind == "LoginFailed":
        return errors.LoginFailed(problem.message, problem.code)
    if problem.kind == "NoAnswer":
        return errors.NoAnswer(problem.message, problem.code)
    simple = {
        "BadInput": errors.BadInput,
        "NotConnected": errors.NotConnected,
        "Forbidden": errors.Forbidden,
        "OtherPrices": errors.OtherPrices,
        "OrderRejected": errors.OrderRejected,
        "ServerLost": errors.ServerLost,
    }
    return simple.get(problem.kind, errors.KoalabError)(problem.message)
