"""The kernel server: Kiwoom's OpenAPI+ control, or a simulated broker in its place, behind gRPC.

It runs where the control lives, on 32-bit Python 3.10 with grpcio and protobuf alone; only the simulated
broker uses numpy and the exchange calendar. ``python -m kernel_server --help`` explains how to start it.
"""

__version__ = "0.1.0"
