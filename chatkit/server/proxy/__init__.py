"""A proxy that records: clients ask it in place of their provider, and change nothing else."""

from chatkit.server.proxy.app import Proxy, upstream_url
from chatkit.server.proxy.refusals import refuse

__all__ = ["Proxy", "refuse", "upstream_url"]
