"""The Windows machine of `make test-ocx`: a 32-bit Python under Wine with Qt and gRPC, and a control in Kiwoom's place.

``python -m scripts.ocx`` makes it in ``.tools/ocx``, each part once for its inputs.
"""
