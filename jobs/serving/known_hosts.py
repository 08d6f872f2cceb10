"""Which hosts a service is asked for: a page of elsewhere can lead a browser to a service on the same machine.

Such a page gives its own host's name the address 127.0.0.1 (DNS rebinding). The browser then takes the service for a
part of the page, and hands it the answers; but it says in `Host` and `Origin` which name was asked for.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import ip_address
from urllib.parse import urlsplit


@dataclass(frozen=True)
class KnownHosts:
    """The names that a service answers to, beside those of this machine; any port, for a tunnel's may differ."""

    names: frozenset[str]

    def stranger(self, named: Iterable[str]) -> str | None:
        """The first of the values of `Host` and `Origin` that names a host which is not the service's."""
        return next((value for value in named if not self.has(host_in(value))), None)

    def has(self, host: str) -> bool:
        """Whether it is one of the service's."""
        return host in self.names or is_loopback(host)


def host_in(header: str) -> str:
    """The name in ``localhost:8000`` or ``http://localhost:8000``, in small letters; empty where there is none."""
    try:
        return urlsplit(header if "//" in header else f"//{header}").hostname or ""
    except ValueError:
        return ""


def is_loopback(host: str) -> bool:
    """Whether only this machine can be meant."""
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False
