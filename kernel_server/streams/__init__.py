"""From the control's events to streams of gRPC: who hears of what, and how it gets off the control thread."""
