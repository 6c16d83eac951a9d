"""Addresses of endpoints, in which no key may stand."""

from __future__ import annotations

from urllib.parse import urlsplit

from tenfold.chat.errors import WrongEndpoint


def check_address(base_url: str) -> None:
    """Check that an address is one of HTTP without a name, a password or a query.

    Raises WrongEndpoint, in whose words the address does not stand: it may hold a key.
    """
    try:
        parts = urlsplit(base_url)
        whole = parts.scheme in ("http", "https") and bool(parts.hostname)
    except ValueError:
        whole = False
    if not whole:
        raise WrongEndpoint("base_url: an address begins with http:// or https:// and the name of a host")
    if "@" in parts.netloc or "?" in base_url or "#" in base_url:
        raise WrongEndpoint(
            f"base_url at {parts.hostname}: no name, password or query may stand in it: keys come from the environment"
        )
