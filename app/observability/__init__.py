"""What operators see: logs, the audit log, metrics, request ids."""
