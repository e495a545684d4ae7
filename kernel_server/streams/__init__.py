"""From the control's events to streams of gRPC: subscriptions, mailboxes and messages."""
