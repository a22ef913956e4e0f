"""What is counted for each client address: new sockets, open sockets, large messages, and runs of late."""

from __future__ import annotations

import ipaddress
from collections import OrderedDict
from typing import TYPE_CHECKING

from views.middleware.rate_limits import Clock, RecentCount, TokenBucket

if TYPE_CHECKING:
    from starlette.types import Scope

NEW_SOCKETS, NEW_SOCKETS_A_SECOND = 200, 20.0
OPEN_SOCKETS = 512
"""An office is one address."""
LARGE_BYTES, LARGE_BYTES_A_SECOND = 32 * 2**20, 256 * 2**10
HALF_LIFE = 5.0
MAX_ADDRESSES = 10_000


class ClientAddress:
    """One address."""

    def __init__(self, clock: Clock) -> None:
        self.new_sockets = TokenBucket(NEW_SOCKETS, NEW_SOCKETS_A_SECOND, clock)
        self.large_bytes = TokenBucket(LARGE_BYTES, LARGE_BYTES_A_SECOND, clock)
        self.runs = RecentCount(HALF_LIFE, clock)
        self.open_sockets = 0


class ClientAddresses:
    """The addresses that were heard of lately."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._addresses: OrderedDict[str, ClientAddress] = OrderedDict()

    def get(self, name: str) -> ClientAddress:
        """Return what is counted for an address."""
        address = self._addresses.get(name) or ClientAddress(self._clock)
        self._addresses[name] = address
        self._addresses.move_to_end(name)
        if len(self._addresses) > MAX_ADDRESSES:
            oldest, dropped = self._addresses.popitem(last=False)
            if dropped.open_sockets:
                self._addresses[oldest] = dropped
        return address


def address_of(scope: Scope) -> str:
    """Return the client's address; of IPv6 the first half, because one client has all that begin with it.

    Behind a proxy that is believed, uvicorn has put what `X-Forwarded-For` says into the scope.
    """
    host = str((scope.get("client") or ("",))[0])
    try:
        address = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return host
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped is not None:
            return str(address.ipv4_mapped)
        return str(ipaddress.ip_network((address, 64), strict=False).network_address)
    return host
