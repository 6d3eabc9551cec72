"""A proxy that records: clients ask it in place of their provider, and change nothing else."""

from chatkit.server.proxy.app import Proxy, upstream_url

__all__ = ["Proxy", "upstream_url"]
