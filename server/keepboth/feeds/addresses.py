"""Where webhooks may be sent. Who posts to any address that is given must not be made to reach a network of its own."""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from typing import Final, NamedTuple
from urllib.parse import SplitResult, urlsplit

from keepboth.errors import InvalidRequest

_EMBEDDING: Final = (ipaddress.ip_network("64:ff9b::/96"), ipaddress.ip_network("2002::/16"))
"""Addresses of IPv6 that lead to one of IPv4: NAT64, 6to4."""

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


class Rules(NamedTuple):
    """``hosts``: only these, ``.example.org`` for all below it; empty for any. ``private``: also addresses that are not
    public, and plain HTTP."""

    hosts: tuple[str, ...] = ()
    private: bool = False

    def check(self, url: str) -> SplitResult:
        """The parts of *url* if something may be sent there, as far as can be told from it. Raises InvalidRequest."""
        try:
            parts = urlsplit(url)
            host = (parts.hostname or "").lower().rstrip(".")
            port = parts.port
        except ValueError:
            raise InvalidRequest("this is no URL", field="url") from None
        plain = url.isascii() and url.isprintable() and " " not in url
        if not plain or parts.scheme not in ("https", "http") or not host or port == 0:
            raise InvalidRequest("a webhook's URL is one of https (or of http where that is allowed)", field="url")
        if parts.scheme == "http" and not self.private:
            raise InvalidRequest("plain http is not allowed here (`webhook_private`)", field="url")
        if parts.username is not None or parts.password is not None or parts.fragment:
            raise InvalidRequest("a webhook's URL has no user, password or fragment", field="url")
        if self.hosts and not any(host == one or (one.startswith(".") and host.endswith(one)) for one in self.hosts):
            raise InvalidRequest(f"{host} is not one of the hosts that webhooks may be sent to", field="url")
        try:
            literal = ipaddress.ip_address(host)
        except ValueError:
            return parts
        self.check_address(literal)
        return parts

    def check_address(self, address: Address) -> None:
        """Raises InvalidRequest for an address that is not public, unless such are allowed."""
        if not self.private and not is_public(address):
            raise InvalidRequest(f"{address} is not a public address (`webhook_private`)", field="url")

    async def resolve(self, url: str) -> tuple[SplitResult, str]:
        """The parts of *url* and the address to connect to. Every address of the host must be allowed, and what was
        looked at is what is connected to: a name that leads elsewhere a moment later leads nowhere.

        Raises InvalidRequest, OSError.
        """
        parts = self.check(url)
        host = parts.hostname or ""
        port = parts.port or (443 if parts.scheme == "https" else 80)
        found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
        addresses = [ipaddress.ip_address(str(one[4][0]).partition("%")[0]) for one in found]
        if not addresses:
            raise OSError(f"{host} has no address")
        for address in addresses:
            self.check_address(address)
        return parts, str(addresses[0])


def is_public(address: Address) -> bool:
    """Whether *address* can be reached by anybody, so that reaching it from here reveals nothing."""
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped is not None:
            return is_public(address.ipv4_mapped)
        if any(address in network for network in _EMBEDDING):
            return False
    return address.is_global and not address.is_multicast and not address.is_reserved
