"""CustomListen and CustomCallAndListen: handlers that a client brings as code, where the operator allows it."""
