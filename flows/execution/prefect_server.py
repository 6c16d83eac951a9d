"""The Prefect server that PREFECT_API_URL names; Prefect itself would ask a silent one again and again, then trace."""

from __future__ import annotations

import ssl
import urllib.error
import urllib.request
from http.client import HTTPException
from urllib.parse import urlsplit

VARIABLE = "PREFECT_API_URL"
PATIENCE = 2.0  # seconds for a connection, and once more for an answer
WHAT_TO_DO = f"start one there (python -m flows up), or let {VARIABLE} name another"


class NoServer(RuntimeError):
    """There is no Prefect server where one is said to be."""


def require_server(api: str) -> str:
    """Return the address ``api`` without a slash at its end, once a server has answered there.

    Whoever answers may be slow, ask for a password or show a certificate of its own: that is between it and Prefect.
    Raises NoServer for what is no address, and where nobody answers or no web server does.
    """
    api = api.rstrip("/")
    try:
        parts = urlsplit(api)
        known = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:  # a port that is none
        known = False
    if not known:
        raise NoServer(f"{VARIABLE}={api} is no address of a server, such as http://127.0.0.1:4200/api; {WHAT_TO_DO}")
    try:
        urllib.request.urlopen(f"{api}/health", timeout=PATIENCE).close()
    except (urllib.error.HTTPError, TimeoutError):  # of the answer: a failed connection is a URLError
        return api
    except (OSError, ValueError, HTTPException) as error:
        reason = getattr(error, "reason", error)
        if not isinstance(reason, ssl.SSLCertVerificationError):
            raise NoServer(f"no Prefect server answers at {VARIABLE}={api} ({reason}); {WHAT_TO_DO}") from None
    return api
