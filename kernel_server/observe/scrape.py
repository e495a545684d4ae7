"""HTTP endpoint of the metrics for Prometheus, on this machine only."""

from __future__ import annotations

from prometheus_client import start_http_server

from kernel_server.observe.metrics import Metrics

HOST = "127.0.0.1"


class MetricsPortTaken(OSError):
    """The port for the metrics is in use."""


class Scrape:
    """Serves ``http://127.0.0.1:PORT/metrics`` until it is closed.

    Raises:
        MetricsPortTaken: the port is in use.
    """

    def __init__(self, metrics: Metrics, port: int) -> None:
        try:
            self._server, self._thread = start_http_server(port, HOST, metrics.registry)
        except OSError as error:
            raise MetricsPortTaken(
                f"the metrics cannot be served on {HOST}:{port}: {error.strerror}"
            ) from None
        self.port = int(self._server.server_port)

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(5)
